import type { WorkersMeta } from "../contract/types";
import { duration } from "./durations";

/* A difference that people are told of, in seconds. */
const TOLD_S = 5;

/** What to say where another master's clock goes otherwise; null where they agree, or nothing is known. */
export function clocksWords({ clocks_differ_s: seconds }: WorkersMeta): string | null {
  if (seconds == null || seconds <= TOLD_S) return null;
  return `The clock of another master differs by ${duration(seconds)} from that of the one you look at. Ages are right all the same; a history has the times of the master that wrote it.`;
}
