import type { LeftInstance, ToDo } from "../contract/types";
import { actorWords, count } from "./words";

/* What is left to do once a worker was released, or has left an instance behind. */

export function parts({ instances, pause, calls }: ToDo): number {
  return instances.length + (pause === null ? 0 : 1) + calls.length;
}

/** How much is left: it is said again whenever it changes. */
export const leftWords = (left: ToDo) => `Left to do: ${count(parts(left), "thing")}`;

/** Who released it; null where it comes of no release, or of one that this run of the master has not seen. */
export function releasedBy({ released }: ToDo): string | null {
  return released === null ? null : actorWords(released.by, released.by_kind);
}

const CAUSES: Record<string, string> = {
  release: "the force disconnect has not stopped it",
  late_start: "a start that was given up made it after all",
  stop_failed: "its stop failed",
  crash: "its master died",
  nobodys: "no worker has it",
};

export const causeWords = ({ cause }: LeftInstance) => CAUSES[cause] ?? cause.replaceAll("_", " ");

export function pauseWords({ pause }: ToDo): string {
  if (pause === null) return "";
  if (pause.action !== null) return `The worker is paused, by the force disconnect (action ${pause.action}).`;
  return `The worker is paused, for the instance of entry ${pause.orphan ?? "?"}.`;
}
