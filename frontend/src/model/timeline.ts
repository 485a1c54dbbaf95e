import type { Episode, State } from "../contract/types";
import { duration } from "./durations";
import { durationTicks } from "./ticks";

/* The geometry of a worker's episodes: one row each, all from the same left edge, so that a long one is seen beside the
   others. One that is longer than the rest by far is torn off at the right edge, with its true length in words: else it
   would press the others flat. */

export interface Bar {
  state: State;
  x: number;
  width: number;
  seconds: number;
  since: number;
  /** The phase goes on. */
  open: boolean;
  /** It reaches past the right edge. */
  torn: boolean;
}

export interface Row {
  episode: Episode;
  seconds: number;
  bars: Bar[];
}

export interface Tick {
  x: number;
  label: string;
}

export interface Timeline {
  rows: Row[];
  ticks: Tick[];
  states: State[];
}

const SHORTEST_AXIS_S = 60;
const TEAR_BEYOND = 4;
/** A phase of no length is still one that happened. */
const NARROWEST = 1.5;
const PIXELS_A_TICK = 110;

export function episodeSeconds(episode: Episode, now: number): number {
  return Math.max(0, (episode.ended_at ?? now) - episode.started_at);
}

/** The length of the axis in seconds: that of the longest episode, unless three quarters of them are far shorter. */
export function axisSeconds(lengths: readonly number[]): number {
  const sorted = [...lengths].sort((a, b) => a - b);
  const longest = sorted[sorted.length - 1] ?? 0;
  const usual = sorted[Math.ceil(sorted.length * 0.75) - 1] ?? longest;
  return Math.max(SHORTEST_AXIS_S, Math.min(longest, usual * TEAR_BEYOND));
}

export function layOut(episodes: readonly Episode[], now: number, width: number): Timeline {
  const axis = axisSeconds(episodes.map((episode) => episodeSeconds(episode, now)));
  const x = (seconds: number) => (Math.min(Math.max(0, seconds), axis) / axis) * width;
  const rows = episodes.map((episode): Row => {
    const bars = episode.phases.map((phase): Bar => {
      const from = phase.since - episode.started_at;
      const to = Math.max(from, (phase.until ?? episode.ended_at ?? now) - episode.started_at);
      return {
        state: phase.state,
        x: Math.min(x(from), width - NARROWEST),
        width: Math.max(NARROWEST, x(to) - x(from)),
        seconds: to - from,
        since: phase.since,
        open: phase.until === null && episode.ended_at === null,
        torn: to > axis && from <= axis,
      };
    });
    return { episode, seconds: episodeSeconds(episode, now), bars };
  });
  const ticks = durationTicks(axis, Math.max(2, Math.floor(width / PIXELS_A_TICK))).map((seconds) => ({
    x: x(seconds),
    label: duration(seconds),
  }));
  return {
    rows,
    ticks,
    states: [...new Set(episodes.flatMap((episode) => episode.phases.map((phase) => phase.state)))],
  };
}
