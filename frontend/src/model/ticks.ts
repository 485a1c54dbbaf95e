/* Where an axis of time has its lines: round numbers of the units that people read. */

const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
  1_209_600, 2_592_000, 7_776_000, 31_536_000,
];

/** The smallest step by which an axis of so many seconds has at most `most` lines. */
export function stepFor(seconds: number, most: number): number {
  const least = seconds / Math.max(1, most);
  return STEPS.find((step) => step >= least) ?? least;
}

/** Lines of an axis of durations, from 0 on. */
export function durationTicks(seconds: number, most: number): number[] {
  const step = stepFor(seconds, most);
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => index * step);
}

/** Lines of an axis of moments, on full hours and days of the reader's zone; `offset` is what that zone adds to UTC, in
 *  seconds. */
export function momentTicks(since: number, until: number, most: number, offset: number): number[] {
  const step = stepFor(until - since, most);
  const result: number[] = [];
  for (let at = Math.ceil((since + offset) / step) * step - offset; at <= until; at += step) result.push(at);
  return result;
}
