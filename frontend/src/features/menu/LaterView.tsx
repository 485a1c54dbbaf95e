import React, { useEffect, useState } from "react";
import { fetchViews, type Views } from "../../host/script";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";

let known: Views | null = null;

interface Props {
  view: keyof Views;
  title: string;
  route: string;
}

/** A view of the second script, once that is there. */
const LaterView = ({ view, title, route }: Props) => {
  const [views, setViews] = useState(known);
  const [attempt, setAttempt] = useState(0);
  const [fault, setFault] = useState("");
  useEffect(() => {
    if (known !== null) return;
    let here = true;
    fetchViews().then(
      (found) => {
        known = found;
        if (here) setViews(found);
      },
      (error: unknown) => {
        if (here) setFault(error instanceof Error ? error.message : String(error));
      },
    );
    return () => {
      here = false;
    };
  }, [attempt]);
  if (views !== null) return React.createElement(views[view]);
  return (
    <Page name={view} title={title} route={route} wide={view === "timeline"}>
      {fault === "" ? (
        <p className="bbl-loading" role="status" data-test="loading">
          Loading…
        </p>
      ) : (
        <Notice kind="danger" title="This view is missing" test="views-script">
          {fault}{" "}
          <button
            type="button"
            className="btn btn-sm btn-link"
            onClick={() => {
              setFault("");
              setAttempt(attempt + 1);
            }}
          >
            Try again
          </button>
        </Notice>
      )}
    </Page>
  );
};

export const TimelineRoute = () => <LaterView view="timeline" title="Timeline" route="/lifecycle/timeline" />;
export const InstancesRoute = () => <LaterView view="instances" title="Instances" route="/lifecycle/instances" />;
export const EpisodeRoute = () => <LaterView view="episode" title="Episode" route="/lifecycle" />;
