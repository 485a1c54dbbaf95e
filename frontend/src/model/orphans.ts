import type { Orphan } from "../contract/types";

/** The oldest has cost most. */
export const byAge = (a: Orphan, b: Orphan) => a.opened_at - b.opened_at || a.id - b.id;

/** Each worker's together, in the order of their names. */
export const byWorker = (a: Orphan, b: Orphan) =>
  a.worker.localeCompare(b.worker, "en", { numeric: true }) ||
  a.workerid - b.workerid ||
  a.masterid - b.masterid ||
  byAge(a, b);
