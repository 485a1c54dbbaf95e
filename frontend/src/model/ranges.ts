/* How far back the timeline looks, and the window of it that is in the address. Times are epoch seconds. */

export const RANGES = [
  { name: "1 h", seconds: 3_600 },
  { name: "6 h", seconds: 21_600 },
  { name: "1 d", seconds: 86_400 },
  { name: "1 w", seconds: 604_800 },
] as const;
export type RangeName = (typeof RANGES)[number]["name"];

export interface Span {
  since: number;
  until: number;
}

export function rangeSeconds(name: RangeName): number {
  return RANGES.find((range) => range.name === name)?.seconds ?? RANGES[0].seconds;
}

/** What the address asks for: a range that ends now, or a window that stays where it is. */
export function readSpan(query: URLSearchParams, usual: RangeName): { range: RangeName; fixed: Span | null } {
  const wanted = query.get("range")?.replace("_", " ");
  const range = RANGES.find((each) => each.name === wanted)?.name ?? usual;
  const since = Number(query.get("since"));
  const until = Number(query.get("until"));
  const fixed = since > 0 && until > since && Number.isFinite(until) ? { since, until } : null;
  return { range, fixed };
}

export function writeSpan(query: URLSearchParams, range: RangeName, fixed: Span | null): URLSearchParams {
  const result = new URLSearchParams(query);
  result.set("range", range.replace(" ", "_"));
  if (fixed === null) {
    result.delete("since");
    result.delete("until");
  } else {
    result.set("since", fixed.since.toFixed(0));
    result.set("until", fixed.until.toFixed(0));
  }
  return result;
}

const SHORTEST_S = 10;
const LONGEST_S = 31 * 86_400;

/** The window made `factor` times as long around the moment `at`, which stays where it is. */
export function zoomed(span: Span, factor: number, at: number, now: number): Span {
  const length = span.until - span.since;
  const wanted = Math.min(LONGEST_S, Math.max(SHORTEST_S, length * factor));
  const share = (at - span.since) / length;
  return held({ since: at - share * wanted, until: at + (1 - share) * wanted }, now);
}

/** The moment to zoom around where none is pointed at: now, if that is in sight, and else the middle. */
export function zoomCentre(span: Span, now: number): number {
  return span.since <= now && now <= span.until ? now : (span.since + span.until) / 2;
}

export function moved(span: Span, seconds: number, now: number): Span {
  return held({ since: span.since + seconds, until: span.until + seconds }, now);
}

/** There is nothing to see after now; a little room is left, so that now itself is seen. */
function held(span: Span, now: number): Span {
  const length = span.until - span.since;
  const last = now + length * 0.05;
  return span.until <= last ? span : { since: last - length, until: last };
}
