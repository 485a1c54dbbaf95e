import React, { useCallback } from "react";
import { Link } from "react-router-dom";
import type { Blocker, MasterStop, Worker } from "../../contract/types";
import { useTicking } from "../../hooks/useTicking";
import { cannotStop, firstWords, holds, releaseWords, stopCost } from "../../model/health";
import { workerRoute } from "../../model/links";
import { blockerWords, count } from "../../model/words";
import { Icon } from "../../ui/Icon";
import { Age, Moment } from "../../ui/Time";

const SHOWN = 20;

/** What blocks the stop; it keeps its place when nothing does, so that the table below does not jump. Of each master,
 *  what it would wait for if it were stopped now. */
export const Blockers = ({ stops, at, lost }: { stops: readonly MasterStop[]; at: number; lost: boolean }) => {
  const blocked = cannotStop(stops);
  if (lost) {
    return (
      <p className="card card-header bbl-panel" data-test="blockers-unknown">
        What blocks the stop is not known now: Buildbot does not answer.
      </p>
    );
  }
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
            <List stop={stop} blockers={stop.blockers} at={at} most={SHOWN} />
          </section>
        ))}
      </div>
    </details>
  );
};

function summary(stop: MasterStop): string {
  return `${stop.master}: ${count(stop.blockers.length, "thing")}`;
}

interface StopProps {
  stop: MasterStop;
  /** The server's time of what is told of it. */
  at: number;
  /** Nobody answers: this is of then. */
  lost: boolean;
  heardAt: number;
  workers: readonly Worker[];
}

/** One master: what its stop would cost, and all that it waits for. */
export const StopOf = ({ stop: told, at, lost, heardAt, workers }: StopProps) => {
  // What is not told now is of then: how long it lasts and when it is released is not known.
  const stop = lost ? { ...told, live: false } : told;
  const cost = stopCost(stop);
  const level = !stop.live ? "unknown" : cost === null ? "ok" : cost.endless ? "stuck" : "slow";
  const held = stop.blockers.filter(holds);
  const dropped = stop.blockers.filter((blocker) => !holds(blocker));
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
          <Icon name={level} /> {stop.master}
        </h2>
        {stop.live && <Head stop={stop} at={at} first={firstWords(stop, workers)} />}
        {lost && <span className="bbl-sub">Not known now. This is what it waited for at the last answer.</span>}
        {!told.live && (
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
        {held.length === 0 ? (
          <p className="bbl-muted">It {stop.live ? "waits" : "waited"} for nothing.</p>
        ) : (
          <List stop={stop} blockers={held} at={at} most={Infinity} />
        )}
        {dropped.length > 0 && (
          <>
            <p className="bbl-muted">{count(dropped.length, "thing")} more that a stop lets go of at once:</p>
            <List stop={stop} blockers={dropped} at={at} most={Infinity} />
          </>
        )}
      </div>
    </section>
  );
};

const Head = ({ stop, at, first }: { stop: MasterStop; at: number; first: string | null }) => {
  const left = useTicking(useCallback((now: number) => stopCost(stop, now - at)?.text ?? "", [stop, at]));
  const cost = stopCost(stop);
  if (stop.stopping_since !== null) {
    return (
      <span>
        It is stopping since <Moment at={stop.stopping_since} />, <Age since={stop.stopping_since} /> ago
        {left !== "" && `; the stop ${left}`}.
      </span>
    );
  }
  if (cost === null && first === null) return <span>It could be stopped at once.</span>;
  return (
    <span>
      {cost !== null && (cost.endless ? `It ${cost.text}. ` : `Stopping it now ${cost.text}. `)}
      {first !== null && `${cost === null ? "It would first stop" : "Beside that it would stop, as usual,"} ${first}.`}
    </span>
  );
};

/** What holds longest comes first; what is let go at once, last. */
const byHold = (a: Blocker, b: Blocker) =>
  Number(a.releasable) - Number(b.releasable) || (b.release_in_s ?? Infinity) - (a.release_in_s ?? Infinity) || 0;

interface ListProps {
  stop: MasterStop;
  blockers: readonly Blocker[];
  at: number;
  most: number;
}

const List = ({ stop, blockers, at, most }: ListProps) => (
  <>
    <ul>
      {[...blockers]
        .sort(byHold)
        .slice(0, most)
        .map((blocker) => (
          // By what it is: a place in the list is another one's a moment later, with the focus on its link.
          <Item key={`${blocker.workerid} ${blocker.what} ${blocker.since}`} stop={stop} blocker={blocker} at={at} />
        ))}
    </ul>
    {blockers.length > most && (
      <p>
        and <Link to="/lifecycle/stop">{blockers.length - most} more</Link>.
      </p>
    )}
  </>
);

const Item = ({ stop, blocker, at }: { stop: MasterStop; blocker: Blocker; at: number }) => {
  const words = useTicking(useCallback((now: number) => releaseWords(blocker, stop, at, now), [blocker, stop, at]));
  return (
    <li data-test="blocker" data-worker={blocker.worker}>
      <Link to={workerRoute({ workerid: blocker.workerid, masterid: stop.masterid })}>
        <bdi>{blocker.worker}</bdi>
      </Link>
      : {blocker.text || blockerWords(blocker.what)}
      {!isDropped(blocker) && (
        <>
          {stop.live ? (
            <>
              , for <Age since={blocker.since} />
            </>
          ) : (
            <>
              , since <Moment at={blocker.since} />
            </>
          )}
          {words !== "" && <span className="bbl-sub">{words}</span>}
        </>
      )}
    </li>
  );
};

/** It says of itself that it is dropped at once: since when it is there means nothing then. */
const isDropped = (blocker: Blocker) => blocker.what === "refused_connection" && blocker.release_in_s === 0;
