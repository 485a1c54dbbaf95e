import type { MasterStop, Worker } from "../api/types";
import { isStuck } from "./arrange";
import { count, list } from "./words";

/* The line at the top: is all well, in one sentence. */

export interface Health {
  level: "ok" | "stuck" | "warning";
  text: string;
}

export function cannotStop(stops: readonly MasterStop[]): MasterStop[] {
  return stops.filter((stop) => stop.blockers.length > 0);
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
    parts.push(`${held.length === 1 ? "master" : "masters"} ${who} could not be stopped now`);
  } else if (stops !== null && stops.length > 0) {
    parts.push(stops.length === 1 ? "the master could be stopped now" : "all masters could be stopped now");
  }
  const level = stuck > 0 ? "stuck" : failed > 0 || held.length > 0 ? "warning" : "ok";
  return { level, text: `${parts.join("; ")}.` };
}
