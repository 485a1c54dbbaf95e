import { describe, expect, it } from "vitest";
import { axisSeconds, layOut } from "../../src/model/timeline";
import { NOW, episode } from "../situations";

const open = episode({
  id: 18,
  started_at: NOW - 200,
  ended_at: null,
  outcome: null,
  phases: [{ state: "insubstantiating", since: NOW - 200, until: null }],
});

describe("the timeline", () => {
  it("draws each phase as long as it took, one after the other, from the left edge", () => {
    const [row] = layOut([episode()], NOW, 1000).rows;
    expect(row?.bars.map((bar) => [bar.x, bar.width])).toEqual([
      [0, 400],
      [400, 500],
      [900, 100],
    ]);
  });
  it("lets an open phase reach until now, and says that it goes on", () => {
    const bar = layOut([open], NOW, 1000).rows[0]?.bars[0];
    expect(bar).toMatchObject({ seconds: 200, open: true, torn: false });
  });
  it("tears off an episode that is longer than the others by far, with its true length", () => {
    const days = {
      ...open,
      started_at: NOW - 300_000,
      phases: [{ state: "insubstantiating", since: NOW - 300_000, until: null }],
    };
    const { rows } = layOut([days, episode(), episode(), episode()], NOW, 1000);
    expect(rows[0]?.bars[0]).toMatchObject({ torn: true, seconds: 300_000, width: 1000 });
    expect(rows[1]?.bars[1]?.width).toBeGreaterThan(100);
  });
  it("still shows a phase of no length", () => {
    const blink = episode({ phases: [{ state: "substantiating", since: NOW - 1000, until: NOW - 1000 }] });
    expect(layOut([blink], NOW, 1000).rows[0]?.bars[0]?.width).toBeGreaterThan(0);
  });
  it("never draws outside its frame, even when a clock was set back", () => {
    const back = episode({ phases: [{ state: "substantiated", since: NOW - 900, until: NOW - 1100 }] });
    const bar = layOut([back], NOW, 1000).rows[0]?.bars[0];
    expect(bar?.width).toBeGreaterThan(0);
    expect((bar?.x ?? 0) + (bar?.width ?? 0)).toBeLessThanOrEqual(1000);
  });
  it("labels its axis in round steps of time", () => {
    const hour = episode({ started_at: NOW - 3600, ended_at: NOW, phases: [] });
    expect(layOut([hour], NOW, 500).ticks.map((tick) => tick.label)).toEqual([
      "0 s",
      "15 min",
      "30 min",
      "45 min",
      "1 h",
    ]);
  });
});

describe("the length of the axis", () => {
  it("is that of the longest episode when they are alike", () => {
    expect(axisSeconds([100, 200, 300])).toBe(300);
  });
  it("is never less than a minute", () => {
    expect(axisSeconds([])).toBe(60);
    expect(axisSeconds([2])).toBe(60);
  });
  it("is four times the usual when one is longer by far", () => {
    expect(axisSeconds([100, 100, 100, 90_000])).toBe(400);
  });
});
