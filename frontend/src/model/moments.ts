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

const dayOnly = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const hourAndMinute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** As much of a moment as tells it from the others of its axis, whose lines are so many seconds apart. */
export function tickLabel(at: number, step: number): string {
  const date = new Date(at * 1000);
  if (step < 60) return clock.format(date);
  return step >= 86_400 || (date.getHours() === 0 && date.getMinutes() === 0)
    ? dayOnly.format(date)
    : hourAndMinute.format(date);
}
