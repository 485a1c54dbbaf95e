import type { Blocker, KnownLevel, MasterStop, Worker } from "../contract/types";
import { isStuck } from "./arrange";
import { duration } from "./durations";
import { blockerWords, count, list } from "./words";

/* The line at the top: is all well, and what would a stop of the master cost now. With this plugin a master can be
   stopped: what does not end in time is released, unless it has no limit. */

export interface Health {
  level: "ok" | "stuck" | "warning" | "unknown";
  text: string;
}

/** Whether this costs something: a refused connection is let go at once and nothing is lost by it. What is released at
 *  once is a release all the same: its instance may run on. */
export function holds(blocker: Blocker): boolean {
  return !blocker.releasable || blocker.release_in_s !== 0 || blocker.what !== "refused_connection";
}

/** The masters that are up and would not stop at once, each with what holds it. */
export function cannotStop(stops: readonly MasterStop[]): MasterStop[] {
  return stops
    .map((stop) => ({ ...stop, blockers: stop.blockers.filter(holds) }))
    .filter((stop) => stop.live && stop.blockers.length > 0);
}

function things(blockers: readonly Blocker[]): string {
  return blockers.every((blocker) => blocker.what.endsWith("_instance"))
    ? count(blockers.length, "call")
    : count(blockers.length, "thing");
}

/** What a stop of this master now would be like. Null where it would be over at once. `elapsed` are the seconds since that
 *  was told: of a stop that goes on, so much is over. */
export function stopCost(stop: MasterStop, elapsed = 0): { endless: boolean; text: string } | null {
  const held = stop.blockers.filter(holds);
  if (held.length === 0) return null;
  const stopping = stop.stopping_since !== null;
  const endless = held.filter((blocker) => !blocker.releasable);
  const [first] = endless;
  if (first !== undefined) {
    const more = endless.length === 1 ? "" : ` and ${count(endless.length - 1, "more such thing")}`;
    return {
      endless: true,
      text: `${stopping ? "does not end" : "cannot be stopped"} while ${blockerWords(first.what)} (${first.worker})${more}: that has no limit`,
    };
  }
  const seconds = held.map((blocker) => blocker.release_in_s);
  const longest = seconds.includes(null) ? null : Math.max(...seconds.map(Number));
  const left = longest === null ? null : Math.max(1, Math.ceil(longest - (stopping ? elapsed : 0)));
  const takes = left === null ? "some time" : `up to ${duration(left)}`;
  return {
    endless: false,
    text: stopping
      ? `takes ${takes} more and releases ${things(held)}`
      : `would take ${takes} and release ${things(held)}`,
  };
}

const RESTING = new Set(["not_substantiated", "shut_down", "unknown"]);

/** The workers whose instances this master has to stop before it is stopped itself; what blocks the stop is told apart. */
export function toStopFirst(stop: MasterStop, workers: readonly Worker[]): Worker[] {
  const told = new Set(stop.blockers.filter(holds).map((blocker) => blocker.workerid));
  return workers.filter(
    (worker) =>
      worker.masterid === stop.masterid && worker.live && !RESTING.has(worker.state) && !told.has(worker.workerid),
  );
}

const NAMED = 3;

/** What this master has to stop before it is stopped itself, and how long that usually takes; null where there is nothing. */
export function firstWords(stop: MasterStop, workers: readonly Worker[]): string | null {
  const known = toStopFirst(stop, workers);
  // The server's number counts; the two are not of the same moment, and then it stands alone.
  const many = stop.instances_up ?? known.length;
  if (many === 0) return null;
  const names = known.slice(0, NAMED).map((worker) => worker.name);
  const rest = many - names.length;
  const named = many === known.length ? ` (${list(rest > 0 ? [...names, `${rest} more`] : names)})` : "";
  return `${count(many, "instance")}${named}${usualWords(stop)}`;
}

function usualWords({ usual_stop_s, usual_unknown = 0 }: MasterStop): string {
  if (usual_stop_s === undefined) return "";
  if (usual_stop_s === null) return ", and how long that takes is not known";
  const usual = `, which usually takes up to ${duration(Math.max(1, Math.ceil(usual_stop_s)))}`;
  if (usual_unknown === 0) return usual;
  const others = usual_unknown === 1 ? "one of them takes" : `${usual_unknown} of them take`;
  return `${usual} (how long ${others} is not known)`;
}

/** When a stop releases this, told at `at` of this master; empty where nothing is known of it. */
export function releaseWords(blocker: Blocker, stop: MasterStop, at: number, now: number): string {
  if (!stop.live) return "";
  if (!blocker.releasable) return "It has no limit: the stop waits until it ends.";
  const { release_in_s } = blocker;
  if (stop.stopping_since !== null) {
    if (release_in_s === null) return "It is released when it counts as stuck.";
    const left = release_in_s - Math.max(0, now - at);
    return left <= 0 ? "It is being released." : `It is released in ${duration(Math.ceil(left))}.`;
  }
  if (release_in_s === 0) return "Once the master is stopping, it is released at once.";
  if (release_in_s === null) return "Once the master is stopping, it is released when it counts as stuck.";
  return `Once the master is stopping, it is released by itself after ${duration(Math.ceil(release_in_s))}.`;
}

function stopWords(stops: readonly MasterStop[], workers: readonly Worker[]): { text: string; heavy: boolean } | null {
  const live = stops.filter((stop) => stop.live);
  if (live.length === 0) return null;
  const costs = live.flatMap((stop) => {
    const cost = stopCost(stop);
    return cost === null ? [] : [{ stop, ...cost }];
  });
  const stopping = live.filter((stop) => stop.stopping_since !== null);
  if (costs.length === 0 && stopping.length > 0) {
    const names = list(stopping.map((stop) => stop.master));
    const text =
      live.length === 1 ? "the master is stopping" : `${names} ${stopping.length === 1 ? "is" : "are"} stopping`;
    return { text, heavy: true };
  }
  const first = live.flatMap((stop) => {
    const words = firstWords(stop, workers);
    return words === null
      ? []
      : [`a stop of ${live.length === 1 ? "the master" : `master ${stop.master}`} would first stop ${words}`];
  });
  if (costs.length === 0 && first.length > 0) return { text: list(first.slice(0, 3)), heavy: false };
  if (costs.length === 0) {
    return { text: `${live.length === 1 ? "the master" : "every master"} could be stopped at once`, heavy: false };
  }
  const texts = costs.map(({ stop, endless, text }) => {
    const who = live.length === 1 ? "the master" : `master ${stop.master}`;
    // The line does not count seconds down: the page of the stop does.
    if (stop.stopping_since !== null) {
      return endless
        ? `the stop of ${who} ${text}`
        : `${who} is stopping and releases ${things(stop.blockers.filter(holds))}`;
    }
    const ordinary = firstWords(stop, workers);
    const more = ordinary === null ? "" : `, beside the usual stop of ${ordinary}`;
    return endless ? `${who} ${text}` : `stopping ${who} now ${text}${more}`;
  });
  return { text: texts.length > 3 ? `${list(texts.slice(0, 2))} and more` : list(texts), heavy: true };
}

/** While nobody answers: what was so at the last answer, and nothing of a stop, which may have begun since. */
export function lastKnownLine(workers: readonly Worker[], when: string): Health {
  const stuck = workers.filter(isStuck).length;
  const were = `${stuck === 0 ? "none" : stuck.toLocaleString("en")} of ${count(workers.length, "latent worker")}`;
  return { level: "unknown", text: `Not known now. At ${when}, ${were} ${stuck > 1 ? "were" : "was"} stuck.` };
}

export function healthLine(workers: readonly Worker[], stops: readonly MasterStop[] | null): Health {
  const stuck = workers.filter(isStuck).length;
  const at = (level: KnownLevel) => workers.filter((worker) => worker.verdict.level === level).length;
  const attention = at("attention");
  const failed = at("failed");
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
  if (attention > 0) {
    parts.push(`${attention.toLocaleString("en")} ${attention === 1 ? "needs" : "need"} attention`);
  }
  if (failed > 0) parts.push(`${failed.toLocaleString("en")} failed`);
  const stop = stops === null ? null : stopWords(stops, workers);
  if (stop !== null) parts.push(stop.text);
  const level = stuck > 0 ? "stuck" : attention > 0 || failed > 0 || stop?.heavy === true ? "warning" : "ok";
  return { level, text: `${parts.join("; ")}.` };
}
