import React from "react";
import { Link } from "react-router-dom";
import type { Blocker, MasterStop } from "../api/types";
import { cannotStop, stopCost } from "../model/health";
import { duration } from "../model/durations";
import { workerRoute } from "../model/links";
import { blockerWords, count } from "../model/words";
import { Icon } from "./Icon";
import { Age, Moment } from "./Time";

const SHOWN = 20;

/** What blocks the stop; it keeps its place when nothing does, so that the table below does not jump. Of each master,
 *  what it would wait for if it were stopped now. */
export const Blockers = ({ stops }: { stops: readonly MasterStop[] }) => {
  const blocked = cannotStop(stops);
  if (blocked.length === 0) {
    return (
      <p className="card card-header bbl-panel" data-test="blockers-none">
        Nothing blocks the stop{stops.length > 1 ? " of any master" : " of the master"}.
      </p>
    );
  }
  return (
    <details
      className="card bbl-panel"
      data-test="blockers"
      open={blocked.some((stop) => stop.stopping_since !== null)}
    >
      <summary className="card-header">
        What blocks the stop{" "}
        <span className="bbl-muted">
          {stops.length === 1 && blocked[0] !== undefined
            ? count(blocked[0].blockers.length, "thing")
            : blocked.map(summary).join("; ")}
        </span>
      </summary>
      <div className="card-body">
        {blocked.map((stop) => (
          <section key={stop.masterid} aria-label={`Master ${stop.master}`}>
            <p>
              <strong>{stop.master}</strong>{" "}
              {stop.stopping_since === null ? (
                "would wait for this, if it were stopped now:"
              ) : (
                <>
                  is stopping since <Age since={stop.stopping_since} /> and waits for this:
                </>
              )}
            </p>
            <List blockers={stop.blockers} most={SHOWN} />
          </section>
        ))}
      </div>
    </details>
  );
};

function summary(stop: MasterStop): string {
  return `${stop.master}: ${count(stop.blockers.length, "thing")}`;
}

/** One master: what its stop would cost, and all that it waits for. */
export const StopOf = ({ stop, heardAt }: { stop: MasterStop; heardAt: number }) => {
  const cost = stopCost(stop);
  const level = !stop.live ? "unknown" : cost === null ? "ok" : cost.endless ? "stuck" : "slow";
  return (
    <section
      className="card bbl-panel"
      aria-label={`Master ${stop.master}`}
      data-test="stop"
      data-master={stop.master}
      data-level={level}
    >
      <div className="card-header bbl-stop">
        <h2 className="h5">
          <Icon name={level === "slow" ? "slow" : level} /> {stop.master}
        </h2>
        <span>{head(stop, cost)}</span>
        {!stop.live && (
          <span className="bbl-sub">
            It is not up: this is what was last written down
            {heardAt > 0 && (
              <>
                , <Age since={heardAt} /> ago
              </>
            )}
            .
          </span>
        )}
      </div>
      <div className="card-body">
        {stop.blockers.length === 0 ? (
          <p className="bbl-muted">It waits for nothing.</p>
        ) : (
          <List blockers={stop.blockers} most={Infinity} />
        )}
      </div>
    </section>
  );
};

function head(stop: MasterStop, cost: ReturnType<typeof stopCost>): React.ReactNode {
  if (stop.stopping_since !== null) {
    return (
      <>
        It is stopping since <Moment at={stop.stopping_since} />, <Age since={stop.stopping_since} /> ago
        {cost !== null && `; the stop ${cost.text}`}.
      </>
    );
  }
  if (!stop.live) return "";
  if (cost === null) return "It could be stopped at once.";
  return cost.endless ? `It ${cost.text}.` : `Stopping it now ${cost.text}.`;
}

/** What holds longest comes first; what is let go at once, last. */
const byHold = (a: Blocker, b: Blocker) =>
  Number(a.releasable) - Number(b.releasable) || (b.release_in_s ?? Infinity) - (a.release_in_s ?? Infinity) || 0;

const List = ({ blockers, most }: { blockers: readonly Blocker[]; most: number }) => (
  <>
    <ul>
      {[...blockers]
        .sort(byHold)
        .slice(0, most)
        .map((blocker, index) => (
          <Item key={index} blocker={blocker} />
        ))}
    </ul>
    {blockers.length > most && (
      <p>
        and <Link to="/lifecycle/stop">{blockers.length - most} more</Link>.
      </p>
    )}
  </>
);

const Item = ({ blocker }: { blocker: Blocker }) => (
  <li data-test="blocker" data-worker={blocker.worker}>
    <Link to={workerRoute(blocker.workerid)}>
      <bdi>{blocker.worker}</bdi>
    </Link>
    : {blocker.text || blockerWords(blocker.what)}
    {!isDropped(blocker) && (
      <>
        , for <Age since={blocker.since} />
        <span className="bbl-sub">{release(blocker)}</span>
      </>
    )}
  </li>
);

/** It says of itself that it is dropped at once: since when it is there means nothing then. */
const isDropped = (blocker: Blocker) => blocker.what === "refused_connection" && blocker.release_in_s === 0;

function release(blocker: Blocker): string {
  if (!blocker.releasable) return "It has no limit: the stop waits until it ends.";
  if (blocker.release_in_s === 0) return "Once the master is stopping, it is released at once.";
  if (blocker.release_in_s === null) return "Once the master is stopping, it is released when it counts as stuck.";
  return `Once the master is stopping, it is released by itself after ${duration(Math.ceil(blocker.release_in_s))}.`;
}
