import type { Worker } from "../contract/types";
import type { View } from "./arrange";
import { matches } from "./arrange";
import { KNOWN_LEVELS, KNOWN_STATES } from "./words";

/* How many workers there are of each verdict and each state, for the tiles. */

export interface Tile {
  value: string;
  count: number;
}

/** What was found of `known`, in its order, then what only the server knows; what the reader has chosen stays, or he
 *  could not let go of it. */
function inOrder(known: readonly string[], counts: Map<string, number>, chosen: string, all: boolean): Tile[] {
  const values = [...new Set([...known, ...counts.keys(), ...(chosen === "" ? [] : [chosen])])];
  return values
    .map((value) => ({ value, count: counts.get(value) ?? 0 }))
    .filter((tile) => all || tile.count > 0 || tile.value === chosen);
}

function countBy(workers: readonly Worker[], view: View, value: (worker: Worker) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const worker of workers) {
    if (matches(worker, view)) counts.set(value(worker), (counts.get(value(worker)) ?? 0) + 1);
  }
  return counts;
}

/** Each tile says what choosing it would show: it counts under all filters but its own kind. All verdicts have their
 *  place, so that they do not move; states only where there are any. */
export function tiles(workers: readonly Worker[], view: View): { verdicts: Tile[]; states: Tile[] } {
  const verdicts = countBy(workers, { ...view, verdict: "" }, (worker) => worker.verdict.level);
  const states = countBy(workers, { ...view, state: "" }, (worker) => worker.state);
  return {
    verdicts: inOrder(KNOWN_LEVELS, verdicts, view.verdict, true),
    states: inOrder(KNOWN_STATES, states, view.state, false),
  };
}
