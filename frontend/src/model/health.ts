import type { Blocker, MasterStop, Worker } from "../api/types";
import { isStuck } from "./arrange";
import { duration } from "./durations";
import { count, list } from "./words";

/* The line at the top: is all well, in one sentence. */

export interface Health {
  level: "ok" | "stuck" | "warning";
  text: string;
}

/** Whether a stopping master really waits for this: some of what stock Buildbot would wait for is let go at once. */
function holds(blocker: Blocker): boolean {
  return !blocker.releasable || blocker.release_in_s !== 0;
}

/** The masters that are up and would not stop at once, each with what holds it. */
export function cannotStop(stops: readonly MasterStop[]): MasterStop[] {
  return stops
    .map((stop) => ({ ...stop, blockers: stop.blockers.filter(holds) }))
    .filter((stop) => stop.live && stop.blockers.length > 0);
}

/** After how many seconds the last of them would be let go, or null when that is not known. */
function freeAfter(held: readonly MasterStop[]): number | null {
  const seconds = held.flatMap((stop) =>
    stop.blockers.map((blocker) => (blocker.releasable ? blocker.release_in_s : null)),
  );
  return seconds.includes(null) ? null : Math.max(...seconds.map(Number));
}

export function healthLine(workers: readonly Worker[], stops: readonly MasterStop[] | null): Health {
  const stuck = workers.filter(isStuck).length;
  const failed = workers.filter((worker) => worker.verdict.level === "failed").length;
  const held = stops === null ? [] : cannotStop(stops);
  const parts: string[] = [];
  if (stuck > 0) {
    parts.push(
      `${stuck.toLocaleString("en")} of ${count(workers.length, "latent worker")} ${stuck === 1 ? "is" : "are"} stuck`,
    );
  } else {
    parts.push(
      workers.length === 1
        ? "The latent worker is not stuck"
        : `None of ${count(workers.length, "latent worker")} is stuck`,
    );
  }
  if (failed > 0) parts.push(`${failed.toLocaleString("en")} failed`);
  if (held.length > 0) {
    const who = list(held.map((stop) => stop.master));
    const after = freeAfter(held);
    const until = after === null ? "" : `, but after ${duration(after)}`;
    parts.push(`${held.length === 1 ? "master" : "masters"} ${who} could not be stopped now${until}`);
  } else if (stops !== null && stops.length > 0) {
    parts.push(stops.length === 1 ? "the master could be stopped now" : "all masters could be stopped now");
  }
  const level = stuck > 0 ? "stuck" : failed > 0 || held.length > 0 ? "warning" : "ok";
  return { level, text: `${parts.join("; ")}.` };
}
