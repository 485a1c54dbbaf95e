import type { RecentEpisode } from "../contract/types";
import { duration } from "./durations";
import { count, outcomeWords } from "./words";

/* The last episodes of a worker in a space as small as a word: one column each, as high as it was long (by its
   logarithm, or one long night would press the others flat), split by what the time went into. */

export type Part = "start" | "up" | "stop";

export interface Column {
  id: number;
  parts: { part: Part; y: number; height: number }[];
  /** Where the column ends above. */
  top: number;
  /** Something went wrong in it. */
  bad: boolean;
  label: string;
}

/* The longest of them fills the height, but for those of less than this: else a worker that only fails at once would look
   as busy as one that works all night. */
const LONGEST_AT_LEAST_S = 60;
const LEAST = 5;

const WELL = new Set(["ok", "cancelled"]);

export function isBad(outcome: string | null): boolean {
  return outcome !== null && !WELL.has(outcome);
}

export function columns(episodes: readonly RecentEpisode[], height: number): Column[] {
  const lengths = episodes.map(([, , start, up, stop]) => (start ?? 0) + (up ?? 0) + (stop ?? 0));
  const longest = Math.log1p(Math.max(LONGEST_AT_LEAST_S, ...lengths));
  return episodes.map(([id, outcome, start, up, stop]) => {
    const seconds: [Part, number][] = [
      ["start", start ?? 0],
      ["up", up ?? 0],
      ["stop", stop ?? 0],
    ];
    const total = seconds.reduce((sum, [, value]) => sum + value, 0);
    const high = Math.max(LEAST, (Math.log1p(total) / longest) * height);
    let below = height;
    const parts = seconds
      .filter(([, value]) => value > 0)
      .map(([part, value]) => {
        const part_height = (value / total) * high;
        below -= part_height;
        return { part, y: below, height: part_height };
      });
    if (parts.length === 0) parts.push({ part: "start", y: height - high, height: high });
    return {
      id,
      parts,
      top: height - high,
      bad: isBad(outcome),
      label: `${outcomeWords(outcome)}, ${duration(total)}`,
    };
  });
}

/** The same in words. */
export function sparklineWords(episodes: readonly RecentEpisode[]): string {
  if (episodes.length === 0) return "none has ended yet";
  const bad = episodes.filter(([, outcome]) => isBad(outcome)).length;
  const last = episodes[episodes.length - 1]?.[1] ?? null;
  return `last ${count(episodes.length, "episode")}: ${bad === 0 ? "none" : bad} went wrong, the last one ${outcomeWords(last)}`;
}
