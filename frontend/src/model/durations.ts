/* Time in plain units. Two units at most: what is longer is told more coarsely. */

const DAY = 86_400;
const HOUR = 3_600;
const MINUTE = 60;

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / DAY);
  const hours = Math.floor((whole % DAY) / HOUR);
  const minutes = Math.floor((whole % HOUR) / MINUTE);
  if (days > 0) return pair(days, "d", hours, "h");
  if (hours > 0) return pair(hours, "h", minutes, "min");
  if (minutes > 0) return pair(minutes, "min", whole % MINUTE, "s");
  if (whole === 0 && seconds > 0) return "under 1 s";
  return `${whole} s`;
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** The age of `since` at `now`. Two clocks never agree exactly: the near future is "0 s". */
export function age(since: number | null, now: number): string {
  return since === null ? "unknown" : duration(Math.max(0, Math.floor(now - since)));
}
