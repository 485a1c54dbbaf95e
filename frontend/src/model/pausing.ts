import type { Worker } from "../contract/types";
import { list } from "./words";

/* Buildbot's own pause, and its end: who would be left alone, and what it brings about, said before it is done. */

export type Pausing = "pause" | "unpause";

/** What stands on buttons. */
export const PAUSING_WORDS: Record<Pausing, string> = { pause: "Pause", unpause: "Unpause" };

/** What a dialog of several begins with. */
export const PAUSING_TEXT: Record<Pausing, string> = {
  pause:
    "Buildbot starts no build on a paused worker until somebody unpauses it. Builds that run go on, and no instance is stopped by it.",
  unpause: "Buildbot starts builds on an unpaused worker at once where some wait. A quarantine ends with the pause.",
};

const isHeld = (worker: Worker) => worker.paused || worker.quarantined_until != null;

/** Whether there is anything to pause, or to unpause, as far as the page knows. */
export function canPause(worker: Worker, act: Pausing): boolean {
  return worker.live && (act === "pause" ? !worker.paused : isHeld(worker));
}

/** Why a worker is left alone; empty if it is not. */
export function leftAlone(worker: Worker, act: Pausing): string {
  if (canPause(worker, act)) return "";
  if (!worker.live) return `its master ${worker.master} is not up`;
  return act === "pause" ? "it is paused already" : "it is neither paused nor in quarantine";
}

/** What it brings about for this very worker. */
export function pausingMeans(worker: Worker, act: Pausing): string {
  if (act === "pause") {
    const builds = list(worker.building.map(({ builder }) => builder));
    return builds === "" ? "starts no build any more" : `starts no further build; its build of ${builds} goes on`;
  }
  const named = worker.pause_reason ?? "";
  const held = worker.paused ? `is paused${named === "" ? "" : ` (${named})`}` : "is in quarantine";
  const left = (worker.to_do?.instances ?? []).map(({ name }) => name ?? "an instance");
  if (left.length === 0) return held;
  return `${held}; ${list(left)} may still run: the next build starts another instance beside it`;
}
