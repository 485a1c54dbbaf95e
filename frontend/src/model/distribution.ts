import type { PhaseStats } from "../api/types";
import { duration } from "./durations";
import { count } from "./words";

/* How long something took, as columns over a logarithmic axis, with its percentiles and the threshold drawn in. */

export interface Line {
  label: string;
  x: number;
  seconds: number;
  threshold: boolean;
  /** It lies beyond the right edge. */
  beyond: boolean;
}

export interface Distribution {
  columns: { x: number; width: number; height: number; label: string }[];
  lines: Line[];
  ends: [left: string, right: string];
  words: string;
}

const PHASES: Record<string, [title: string, gloss: string]> = {
  start: ["Start", "start_instance"],
  connect: ["Connect", "from the started instance to the connected worker"],
  up: ["Up", "building and idle"],
  stop: ["Stop", "stop_instance and what belongs to it"],
};

export function phaseWords(phase: string): [title: string, gloss: string] {
  return PHASES[phase] ?? [phase, ""];
}

/** Each bucket is as wide as the others; inside of one, the logarithm counts. */
function placeOf(uppers: readonly number[], seconds: number): number {
  const at = uppers.findIndex((upper) => seconds <= upper);
  if (at === -1) return uppers.length;
  const upper = uppers[at] ?? 1;
  const lower = at > 0 ? (uppers[at - 1] ?? 0) : upper / 2;
  if (seconds <= lower || lower <= 0) return at;
  return at + Math.log(seconds / lower) / Math.log(upper / lower);
}

/** Empty buckets at both ends say nothing. */
function trimmed(buckets: PhaseStats["buckets"]): PhaseStats["buckets"] {
  const filled = buckets.map(([, n]) => n > 0);
  const first = filled.indexOf(true);
  return first === -1 ? [] : buckets.slice(first, filled.lastIndexOf(true) + 1);
}

export function short(seconds: number): string {
  if (seconds >= 10 || seconds === 0) return duration(seconds);
  return seconds >= 1 ? `${seconds.toFixed(1)} s` : `${Math.max(1, Math.round(seconds * 1000))} ms`;
}

export function distribution(stats: PhaseStats, width: number, height: number): Distribution {
  const buckets = trimmed(stats.buckets);
  const uppers = buckets.map(([upper]) => upper);
  const most = Math.max(1, ...buckets.map(([, n]) => n));
  const each = width / Math.max(1, buckets.length);
  const columns = buckets.map(([upper, n], index) => ({
    x: index * each,
    width: each,
    height: n === 0 ? 0 : Math.max(2, (n / most) * height),
    label: `up to ${short(upper)}: ${count(n, "time")}`,
  }));
  const wanted: [string, number | null, boolean][] = [
    ["p50", stats.p50, false],
    ["p95", stats.p95, false],
    ["p99", stats.p99, false],
    ["stuck after", stats.threshold_s, true],
  ];
  const lines = wanted.flatMap(([label, seconds, threshold]): Line[] => {
    if (seconds === null || buckets.length === 0) return [];
    const place = placeOf(uppers, seconds);
    return [{ label, seconds, threshold, x: Math.min(width, place * each), beyond: place >= uppers.length }];
  });
  const first = uppers[0] ?? 0;
  return {
    columns,
    lines,
    ends: [`under ${short(first)}`, short(uppers[uppers.length - 1] ?? 0)],
    words: [
      count(stats.count, "time"),
      ...wanted.flatMap(([label, seconds]) => (seconds === null ? [] : [`${label} ${short(seconds)}`])),
      ...(stats.max === null ? [] : [`longest ${short(stats.max)}`]),
    ].join(", "),
  };
}
