import React, { useMemo, type RefObject } from "react";
import { useTopbarItems } from "buildbot-ui";
import type { ApiFailure } from "../server/client";
import { useFleet } from "../hooks/useShared";
import { useTheme } from "../hooks/useTheme";
import { clipped } from "../model/words";
import { Clocks, Stale } from "./Banners";
import { LiveBar } from "./LiveBar";
import { Tabs } from "./Tabs";

/** The host's trail does not break what is long. */
const TRAIL = 60;

interface Props {
  /** For tests: which page this is. */
  name: string;
  title: string;
  /** The last part of the host's trail; none on the first page. */
  route?: string;
  heading?: RefObject<HTMLHeadingElement>;
  worker?: string | undefined;
  /** Uses the whole width of the window. */
  wide?: boolean;
  /** What of this page alone could not be read anew. */
  failure?: ApiFailure | null;
  children: React.ReactNode;
}

/** The frame of each of our views: where we are, whether it is live, and the ways to the others. */
export const Page = ({ name, title, route, heading, worker, wide = false, failure = null, children }: Props) => {
  useTopbarItems(
    useMemo(
      () => [
        { caption: "Latent workers", route: "/lifecycle" },
        ...(route === undefined ? [] : [{ caption: clipped(title, TRAIL), route }]),
      ],
      [title, route],
    ),
  );
  // Nothing came of the last question: to say "live" would be wrong, whatever the websocket says.
  const fleet = useFleet();
  const lost = fleet.at === null ? failure : (fleet.failure ?? failure);
  // Bootstrap 5 has its own colours below this attribute, and so have we.
  const theme = useTheme() === "dark" ? "dark" : undefined;
  return (
    <div
      className={`${wide ? "container-fluid" : "container"} bbl`}
      data-bs-theme={theme}
      data-bb-lifecycle={name}
      data-worker={worker}
    >
      <div className="bbl-top">
        <h1 className="h4" ref={heading} tabIndex={-1}>
          <bdi>{title}</bdi>
        </h1>
        <LiveBar failed={fleet.failure !== null} />
      </div>
      <Tabs />
      {lost !== null && <Stale failure={lost} />}
      {fleet.meta !== null && <Clocks meta={fleet.meta} />}
      {fleet.meta?.details === false && (
        <p className="bbl-sub" data-test="summaries">
          You see summaries: what drivers and people wrote is shown to those who may see details.
          {fleet.meta.user === null && " Log in at the top right if you are one of them."}
        </p>
      )}
      {children}
    </div>
  );
};
