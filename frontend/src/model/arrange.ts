import type { Worker } from "../contract/types";
import { judgedSince } from "./waited";
import { severity } from "./words";

/* What the table shows, and in which order. */

export const SORT_KEYS = ["severity", "name", "state", "since", "master"] as const;
export type SortKey = (typeof SORT_KEYS)[number];

export interface View {
  text: string;
  /** Empty for all. */
  state: string;
  /** Empty for all. */
  verdict: string;
  /** The class of the worker; empty for all. */
  class: string;
  /** The id of the master, as text; empty for all. */
  master: string;
  sort: SortKey;
  descending: boolean;
}

/** What a view leaves out; what is not named here is about the order. */
export const NO_FILTER = { text: "", state: "", verdict: "", class: "", master: "" };
export const DEFAULT_VIEW: View = { ...NO_FILTER, sort: "severity", descending: false };

export const isFiltered = (view: View) =>
  (Object.keys(NO_FILTER) as (keyof typeof NO_FILTER)[]).some((name) => view[name] !== "");

export const isStuck = (worker: Worker) => worker.verdict.level === "stuck";

export function matches(worker: Worker, view: View): boolean {
  if (view.state !== "" && worker.state !== view.state) return false;
  if (view.verdict !== "" && worker.verdict.level !== view.verdict) return false;
  if (view.class !== "" && worker.class !== view.class) return false;
  if (view.master !== "" && String(worker.masterid) !== view.master) return false;
  if (view.text === "") return true;
  const wanted = view.text.trim().toLowerCase();
  if (wanted === "") return true;
  const where = [worker.name, worker.class, worker.master, worker.instance ?? "", worker.verdict.reason];
  return [...where, ...worker.building.map((build) => build.builder)].some((text) =>
    text.toLowerCase().includes(wanted),
  );
}

const names = new Intl.Collator("en", { numeric: true });

/* The place of each name among all that were seen: to compare names themselves is slow, and thousands of workers are put
   in order again and again, with hardly ever a new name among them. */
let places = new Map<string, number>();

function learnNames(workers: readonly Worker[]) {
  if (workers.every((worker) => places.has(worker.name))) return;
  const all = [...new Set(workers.map((worker) => worker.name))].sort(names.compare);
  places = new Map(all.map((name, place) => [name, place]));
}

const placeOf = (worker: Worker) => places.get(worker.name) ?? 0;
const byName = (a: Worker, b: Worker) => placeOf(a) - placeOf(b) || a.workerid - b.workerid || a.masterid - b.masterid;
/** The longest wait first, as the column tells it; unknown last. */
const startOf = (worker: Worker) => judgedSince(worker) ?? worker.state_since ?? Infinity;
const bySince = (a: Worker, b: Worker) => startOf(a) - startOf(b) || byName(a, b);

const ORDERS: Record<SortKey, (a: Worker, b: Worker) => number> = {
  severity: (a, b) => severity(a.verdict.level) - severity(b.verdict.level) || bySinceWhenUnwell(a, b),
  name: byName,
  state: (a, b) => names.compare(a.state, b.state) || bySince(a, b),
  since: bySince,
  master: (a, b) => names.compare(a.master, b.master) || byName(a, b),
};

/** The healthy are found by name; of the others, the one that has waited longest is the first to look at. */
function bySinceWhenUnwell(a: Worker, b: Worker): number {
  if (a.verdict.level === "ok") return byName(a, b);
  return (
    (a.verdict.since ?? a.state_since ?? Infinity) - (b.verdict.since ?? b.state_since ?? Infinity) || byName(a, b)
  );
}

/** Stuck workers come first whatever the order is. */
export function arrange(workers: readonly Worker[], view: View): Worker[] {
  learnNames(workers);
  const order = ORDERS[view.sort];
  const direction = view.descending ? -1 : 1;
  return workers
    .filter((worker) => matches(worker, view))
    .sort((a, b) => Number(isStuck(b)) - Number(isStuck(a)) || direction * order(a, b));
}
