import { describe, expect, it } from "vitest";
import { keyDeed, type Board } from "../../../src/features/timeline/keys";
import { workeridOf } from "../../../src/model/key";
import { barOf, ready, type Ready } from "../../../src/model/lanes";
import { idle, NOW } from "../../situations";

const SPAN = { since: NOW - 100, until: NOW };
const lane = (workerid: number, ...began: number[]): Ready =>
  ready(
    {
      workerid,
      worker: `ec2-${workerid}`,
      masterid: 1,
      episodes: began.map((at) => ({
        id: at,
        outcome: "ok",
        phases: [["substantiated", NOW - at, NOW - at + 5]],
        builds: [],
      })),
    },
    [],
  );
const ROWS = [lane(1, 80, 40), lane(2, 60), null];
const WORKERS = [1, 2, 3].map((workerid) => idle({ workerid }));

/** The board with this bar pointed at; without one, nothing is. */
function board(at?: { lane: number; episode: number }): Board {
  const nothing = { workers: WORKERS, rows: ROWS, span: SPAN, now: NOW, lane: -1, here: null, hit: null };
  if (at === undefined) return nothing;
  const bar = { episode: at.episode, since: NOW - at.episode };
  const hit = barOf(ROWS[at.lane]?.stays ?? [], bar, null);
  const here = { worker: `${at.lane + 1}@1`, bar: bar as never, at: NOW - at.episode, asked: NOW, by: "key" as const };
  return { ...nothing, lane: at.lane, here, hit };
}
const pointed = (key: string, from?: { lane: number; episode: number }) => {
  const point = keyDeed(board(from), key, false)?.point;
  return [point && workeridOf(point.worker), point?.bar?.episode];
};

describe("the keys of the timeline", () => {
  it("begin at the newest bar of the first lane", () => {
    expect(pointed("ArrowRight")).toEqual([1, 40]);
    expect(pointed("ArrowDown")).toEqual([1, 40]);
  });
  it("go from bar to bar, and stay at the last one", () => {
    expect(pointed("ArrowLeft", { lane: 0, episode: 40 })).toEqual([1, 80]);
    expect(pointed("ArrowLeft", { lane: 0, episode: 80 })).toEqual([1, 80]);
    expect(pointed("Home", { lane: 0, episode: 40 })).toEqual([1, 80]);
    expect(pointed("End", { lane: 0, episode: 80 })).toEqual([1, 40]);
  });
  it("go to the nearest bar of another lane, also to one that has none", () => {
    expect(pointed("ArrowDown", { lane: 0, episode: 40 })).toEqual([2, 60]);
    expect(pointed("ArrowDown", { lane: 1, episode: 60 })).toEqual([3, undefined]);
  });
  it("bring a bar into sight that is not", () => {
    const away = { ...board({ lane: 0, episode: 40 }), span: { since: NOW - 50, until: NOW } };
    expect(keyDeed(away, "ArrowLeft", false)?.span).toEqual({ since: NOW - 105, until: NOW - 55 });
  });
  it("open, move and zoom; others are the browser's", () => {
    const at = board({ lane: 0, episode: 40 });
    expect(keyDeed(at, "Enter", false)).toEqual({ open: 40 });
    expect(keyDeed(board(), "Enter", false)).toEqual({});
    expect(keyDeed(at, "ArrowLeft", true)).toEqual({ span: { since: NOW - 125, until: NOW - 25 } });
    expect(keyDeed(at, "+", false)?.span).toMatchObject({ since: NOW - 70, until: NOW - 20 });
    expect(keyDeed(at, "Escape", false)).toEqual({ point: null });
    expect(keyDeed(at, "Tab", false)).toBeNull();
  });
});
