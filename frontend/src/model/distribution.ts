import type { PhaseStats } from "../contract/types";
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
  start: ["Start", "start_instance itself"],
  connect: ["Connect", "from the end of start_instance until the worker is attached"],
  up: ["Up", "building and idle"],
  stop: ["Stop", "stop_instance itself"],
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

const LEAST_COLUMNS = 7;
const SMALLEST_S = 0.1;

/** The bound after this one, in 1, 2, 5, 10, 20 ... */
function after(bound: number): number {
  const power = 10 ** Math.floor(Math.log10(bound) + 1e-9);
  const digit = Math.round(bound / power);
  return digit === 1 ? 2 * power : digit === 2 ? 5 * power : 10 * power;
}

function before(bound: number): number {
  const power = 10 ** Math.floor(Math.log10(bound) + 1e-9);
  const digit = Math.round(bound / power);
  return digit === 1 ? power / 2 : digit === 2 ? power : 2 * power;
}

/** The buckets with their empty neighbours, so that the threshold has its place, and a single bucket is not a wall. */
function widened(buckets: PhaseStats["buckets"], threshold: number | null): PhaseStats["buckets"] {
  const filled = buckets.filter(([upper, n]) => n > 0 && upper > 0);
  const [first] = filled;
  const last = filled[filled.length - 1];
  if (first === undefined || last === undefined) return [];
  const counts = new Map(filled);
  const uppers = filled.map(([upper]) => upper);
  let low = first[0];
  let high = last[0];
  while (threshold !== null && high < threshold && uppers.length < 40) {
    high = after(high);
    uppers.push(high);
  }
  while (uppers.length < LEAST_COLUMNS) {
    if (low > SMALLEST_S && uppers.length % 2 === 0) {
      low = before(low);
      uppers.push(low);
    } else {
      high = after(high);
      uppers.push(high);
    }
  }
  // What lies between two that have any, and was left out.
  for (let bound = low; bound < high; bound = after(bound)) uppers.push(bound);
  const near = (upper: number) => Number(upper.toPrecision(3));
  return [...new Set(uppers.map(near))].sort((a, b) => a - b).map((upper) => [upper, counts.get(upper) ?? 0]);
}

export function short(seconds: number): string {
  if (seconds >= 10 || seconds === 0) return duration(seconds);
  return seconds >= 1 ? `${seconds.toFixed(1)} s` : `${Math.max(1, Math.round(seconds * 1000))} ms`;
}

export function distribution(stats: PhaseStats, width: number, height: number): Distribution {
  const buckets = widened(stats.buckets, stats.threshold_s);
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
    return [
      {
        label,
        seconds,
        threshold,
        x: Math.min(width, place * each),
        beyond: seconds > (uppers[uppers.length - 1] ?? 0),
      },
    ];
  });
  const first = uppers[0] ?? 0;
  return {
    columns,
    lines,
    ends: [`under ${short(first)}`, short(uppers[uppers.length - 1] ?? 0)],
    words: [
      count(stats.count, "time"),
      ...wanted.flatMap(([label, seconds]) => (seconds === null ? [] : [`${label} ${short(seconds)}`])),
      `longest ${short(stats.max)}`,
    ].join(", "),
  };
}
