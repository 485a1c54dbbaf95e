import type { WorkersMeta } from "../contract/types";
import { age } from "./durations";
import { count } from "./words";

/** What to say of a recorder that has not written all it saw, or of a database that does not answer; null when all is
 *  well. A few events on their way to the database are the normal course of things. */
export function behindWords(meta: WorkersMeta, now: number): string | null {
  const { events, since } = meta.behind;
  if (since === null || now - since < 5) return null;
  if (events === 0) {
    return `The database has not answered for ${age(since, now)}. What comes from it, such as history and other masters, may be older than it says.`;
  }
  return `The recorder is behind: ${count(events, "event")} not written yet, the oldest from ${age(since, now)} ago. What you see may be older than it says.`;
}
