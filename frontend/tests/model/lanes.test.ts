import { describe, expect, it } from "vitest";
import type { LaneEpisode } from "../../src/contract/types";
import { barWords, firstAt, hitAt, nearest, neighbour, ready, sums, sumsWords } from "../../src/model/lanes";
import { NOW } from "../situations";

const life = (id: number, start: number, outcome: string | null = "ok"): LaneEpisode => ({
  id,
  outcome,
  phases: [
    ["substantiating_starting", start, start + 10],
    ["substantiated", start + 10, start + 50],
    ["insubstantiating", start + 50, outcome === null ? null : start + 60],
  ],
  builds: [[start + 12, start + 40, "runtests", 4, 2]],
});
const lane = (...episodes: LaneEpisode[]) => ready({ workerid: 1, worker: "a", masterid: 1, episodes }, []).stays;

describe("a lane", () => {
  const stays = lane(life(2, NOW - 100, null), life(1, NOW - 300, "stop_failed"));

  it("is in the order of time, whatever order it came in", () => {
    expect(stays.map((stay) => stay.id)).toEqual([1, 2]);
    expect(firstAt(stays, NOW - 200)).toBe(1);
  });
  it("tells the phase and the build under the mouse", () => {
    const hit = hitAt(stays, NOW - 270, 0);
    expect([hit?.stay.id, hit?.phase[0], hit?.build?.[2]]).toEqual([1, "substantiated", "runtests"]);
    expect(hitAt(stays, NOW - 200, 5)).toBeNull();
  });
  it("finds a bar that is narrower than the mouse", () => {
    expect(hitAt(lane(life(7, NOW - 1000)), NOW - 1004, 8)?.stay.id).toBe(7);
  });
  it("is walked from bar to bar over the ends of episodes, and ends at its ends", () => {
    const last = hitAt(stays, NOW - 245, 0);
    expect(last?.phase[0]).toBe("insubstantiating");
    const next = last === null ? null : neighbour(stays, last, 1);
    expect([next?.stay.id, next?.phase[0]]).toEqual([2, "substantiating_starting"]);
    const end = nearest(stays, NOW);
    expect(end === null ? null : neighbour(stays, end, 1)).toBeNull();
  });
  it("says what a bar is, with its times and its episode", () => {
    const hit = hitAt(stays, NOW - 45, 0);
    expect(hit === null ? [] : barWords(hit, NOW)).toEqual([
      "insubstantiating, 50 s and goes on",
      expect.stringContaining("to now"),
      "episode 2, open, 1 min 40 s in all",
    ]);
  });
  it("is counted for those who cannot see it: what is inside of the window", () => {
    const all = sums(stays, { since: NOW - 280, until: NOW }, NOW);
    expect(sumsWords(all)).toBe("2 episodes, 1 went wrong, 2 builds");
    expect(Object.fromEntries(all.seconds)).toEqual({
      substantiating_starting: 10,
      substantiated: 30 + 40,
      insubstantiating: 10 + 50,
    });
  });
});
