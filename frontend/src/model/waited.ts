import type { Worker } from "../contract/types";

/* The wait that is judged is not the age of the state: a stop that was asked for twice, a silence, a connection that is left over. */

/** Since when what the verdict speaks of lasts; null where it speaks of no wait. */
export function judgedSince({ verdict }: Worker): number | null {
  return verdict.level === "ok" && verdict.threshold_s === null ? null : verdict.since;
}

/** How much of the limit is over, in whole percent and at most all of it. */
export function filled(since: number, limit: number, now: number): string {
  if (limit <= 0) return "100";
  return String(Math.max(0, Math.min(100, Math.floor(((now - since) / limit) * 100))));
}
