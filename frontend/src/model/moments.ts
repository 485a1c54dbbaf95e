/* Absolute times, in the reader's own zone. */

const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** All of it, with the zone: for the text on hover. */
export function fullMoment(at: number): string {
  return full.format(at * 1000);
}

/** The time of day alone. */
export function clockTime(at: number): string {
  return clock.format(at * 1000);
}

/** Day and time, for lists that go back further than today. */
export function shortMoment(at: number): string {
  return dayAndClock.format(at * 1000);
}

export function machineMoment(at: number): string {
  return new Date(at * 1000).toISOString();
}
