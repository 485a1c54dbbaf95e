import type { Lane, LaneBuild, LanePhase, Mark } from "../contract/types";
import { duration } from "./durations";
import { shortMoment } from "./moments";
import type { Span } from "./ranges";
import { isBad } from "./sparkline";
import { count, outcomeWords, plain, stateWords } from "./words";

/* The lanes of the fleet's timeline: what lies where, and what it says when it is pointed at. */

export interface Stay {
  id: number;
  outcome: string | null;
  since: number;
  /** Null while it goes on. */
  until: number | null;
  bad: boolean;
  phases: readonly LanePhase[];
  builds: readonly LaneBuild[];
}

export interface Ready {
  /** Oldest first. */
  stays: readonly Stay[];
  marks: readonly Mark[];
}

export interface Hit {
  stay: Stay;
  phase: LanePhase;
  build: LaneBuild | null;
}

export function ready(lane: Lane, marks: readonly Mark[]): Ready {
  const stays = lane.episodes
    .filter((episode) => episode.phases.length > 0)
    .map(({ id, outcome, phases, builds }): Stay => {
      const last = phases[phases.length - 1];
      return {
        id,
        outcome,
        since: phases[0]?.[1] ?? 0,
        until: last?.[2] ?? null,
        bad: isBad(outcome),
        phases,
        builds,
      };
    })
    .sort((a, b) => a.since - b.since);
  return { stays, marks };
}

/** The first stay that has not ended before `at`. Stays of one worker do not overlap. */
export function firstAt(stays: readonly Stay[], at: number): number {
  let low = 0;
  let high = stays.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((stays[middle]?.until ?? Infinity) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What lies at this moment, or within `tolerance` seconds of it: a bar of a pixel must be found as well. */
export function hitAt(stays: readonly Stay[], at: number, tolerance: number): Hit | null {
  let best: { hit: Hit; off: number } | null = null;
  for (let index = firstAt(stays, at - tolerance); index < stays.length; index++) {
    const stay = stays[index];
    if (stay === undefined || stay.since > at + tolerance) break;
    for (const phase of stay.phases) {
      const off = Math.max(phase[1] - at, at - (phase[2] ?? Infinity), 0);
      if (off <= tolerance && (best === null || off < best.off)) {
        best = { hit: { stay, phase, build: buildAt(stay, at) }, off };
      }
    }
  }
  return best?.hit ?? null;
}

/** A bar by what it is: its place among the bars and lanes changes, and another may have it a moment later. */
export interface BarName {
  episode: number;
  /** When its phase began. */
  since: number;
}

export function nameOf({ stay, phase }: Hit): BarName {
  return { episode: stay.id, since: phase[1] };
}

/** The bar of this name, as it is by now; with the build at this moment, if one is given. */
export function barOf(stays: readonly Stay[], { episode, since }: BarName, at: number | null): Hit | null {
  const stay = stays.find((each) => each.id === episode);
  const phase = stay?.phases.find((each) => each[1] === since);
  if (stay === undefined || phase === undefined) return null;
  return { stay, phase, build: at === null ? null : buildAt(stay, at) };
}

function buildAt(stay: Stay, at: number): LaneBuild | null {
  return stay.builds.find(([since, until]) => since <= at && at <= (until ?? Infinity)) ?? null;
}

/** The bar before or after this one, over the ends of stays. */
export function neighbour(stays: readonly Stay[], from: Hit, step: 1 | -1): Hit | null {
  const bars = stays.flatMap((stay) => stay.phases.map((phase) => ({ stay, phase })));
  const at = bars.findIndex((bar) => bar.stay.id === from.stay.id && bar.phase[1] === from.phase[1]);
  const next = bars[at + step];
  return next === undefined ? null : { ...next, build: null };
}

/** The bar that is nearest to this moment. */
export function nearest(stays: readonly Stay[], at: number): Hit | null {
  return hitAt(stays, at, Infinity);
}

export function barWords({ stay, phase, build }: Hit, now: number): string[] {
  const [state, since, until] = phase;
  const length = duration((until ?? now) - since);
  const lines = [
    `${stateWords(state).label}, ${length}${until === null ? " and goes on" : ""}`,
    `${shortMoment(since)} to ${until === null ? "now" : shortMoment(until)}`,
    `episode ${stay.id}, ${outcomeWords(stay.outcome)}, ${duration((stay.until ?? now) - stay.since)} in all`,
  ];
  if (build !== null) {
    const [from, to, builder, number] = build;
    lines.push(
      `building ${builder}${number === null ? "" : ` #${number}`}, ${duration((to ?? now) - from)}${to === null ? " so far" : ""}`,
    );
  }
  return lines;
}

export function markWords(mark: Mark): string {
  const text = mark.text === "" ? "" : `: ${mark.text}`;
  return `${plain(mark.kind.replaceAll("-", " "))} ${shortMoment(mark.at)}${text}`;
}

export interface LaneSums {
  episodes: number;
  bad: number;
  builds: number;
  /** Seconds in each state, in the window. */
  seconds: [state: string, seconds: number][];
}

/** What a lane shows, in numbers. */
export function sums(stays: readonly Stay[], span: Span, now: number): LaneSums {
  const seconds = new Map<string, number>();
  let [episodes, bad, builds] = [0, 0, 0];
  for (let index = firstAt(stays, span.since); index < stays.length; index++) {
    const stay = stays[index];
    if (stay === undefined || stay.since > span.until) break;
    episodes += 1;
    if (stay.bad) bad += 1;
    builds += stay.builds.length;
    for (const [state, since, until] of stay.phases) {
      const inside = Math.min(until ?? now, span.until) - Math.max(since, span.since);
      if (inside > 0) seconds.set(state, (seconds.get(state) ?? 0) + inside);
    }
  }
  return { episodes, bad, builds, seconds: [...seconds] };
}

export function sumsWords(of: LaneSums): string {
  return `${count(of.episodes, "episode")}, ${of.bad} went wrong, ${count(of.builds, "build")}`;
}
