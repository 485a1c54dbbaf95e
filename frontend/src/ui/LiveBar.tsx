import React, { useCallback } from "react";
import { feed, type LiveState } from "../server/live";
import { useLive } from "../hooks/useShared";
import { age } from "../model/durations";
import { clockTime } from "../model/moments";
import { Icon } from "./Icon";
import { Ticking } from "./Time";

const MODES: Record<LiveState["mode"], string> = {
  live: "bbl-live-live",
  connecting: "bbl-live-connecting",
  polling: "bbl-live-polling",
};

/** Whether the page is live, always in the same place and of the same height, so that nothing jumps when it changes. */
export const LiveBar = ({ failed }: { failed: boolean }) => {
  const live = useLive();
  if (failed && live.mode === "live") return null;
  return (
    <div className={`bbl-live ${MODES[live.mode]}`}>
      <span role="status" data-test="live-state" data-mode={live.mode}>
        <Icon name={live.mode === "live" ? "live" : "polling"} /> {live.mode === "live" && "live"}
        {live.mode === "connecting" && "connecting to Buildbot…"}
        {live.mode === "polling" && `not live: polling every ${live.pollEveryS} s since ${clockTime(live.since)}`}
      </span>
      {live.mode === "polling" && <Retry live={live} />}
    </div>
  );
};

const Retry = ({ live }: { live: LiveState }) => {
  const { retryAt } = live;
  const text = useCallback(() => {
    // The attempts are planned by the browser's clock, the ticks come by the server's.
    const left = retryAt === null ? 0 : retryAt - Date.now() / 1000;
    return left <= 0 ? "reconnecting…" : `next attempt to reconnect in ${age(0, Math.ceil(left))}`;
  }, [retryAt]);
  return (
    <>
      <span className="bbl-retry">
        <Ticking text={text} />
      </span>
      <button type="button" className="btn btn-sm btn-link" onClick={feed.tryNow}>
        Try now
      </button>
    </>
  );
};
