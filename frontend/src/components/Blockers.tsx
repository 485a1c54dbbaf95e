import React from "react";
import { Link } from "react-router-dom";
import type { Blocker, MasterStop } from "../api/types";
import { cannotStop } from "../model/health";
import { duration } from "../model/durations";
import { workerRoute } from "../model/links";
import { blockerWords, count } from "../model/words";
import { Age } from "./Time";

const SHOWN = 20;

/** What blocks the stop; it keeps its place when nothing does, so that the table below does not jump. Of each master, what it would wait for if it were stopped now. */
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
        What blocks the stop <span className="bbl-muted">{blocked.map(summary).join("; ")}</span>
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
              {!stop.live && " (as last known: this master is not up)"}
            </p>
            <ul>
              {stop.blockers.slice(0, SHOWN).map((blocker, index) => (
                <Item key={index} blocker={blocker} />
              ))}
            </ul>
            {stop.blockers.length > SHOWN && <p>and {stop.blockers.length - SHOWN} more.</p>}
          </section>
        ))}
      </div>
    </details>
  );
};

function summary(stop: MasterStop): string {
  return `${stop.master}: ${count(stop.blockers.length, "thing")}`;
}

const Item = ({ blocker }: { blocker: Blocker }) => (
  <li data-test="blocker" data-worker={blocker.worker}>
    <Link to={workerRoute(blocker.workerid)}>{blocker.worker}</Link>: {blocker.text || blockerWords(blocker.what)}, for{" "}
    <Age since={blocker.since} />
    <span className="bbl-sub">{release(blocker)}</span>
  </li>
);

function release(blocker: Blocker): string {
  if (!blocker.releasable) return "It cannot be released: the stop waits until it ends.";
  if (blocker.release_in_s === 0) return "Once the master is stopping, it is released at once.";
  if (blocker.release_in_s === null) return "It can be released.";
  return `Once the master is stopping, it is released by itself after ${duration(blocker.release_in_s)}.`;
}
