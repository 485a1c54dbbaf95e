import { describe, expect, it } from "vitest";
import { moved, readSpan, writeSpan, zoomCentre, zoomed } from "../../src/model/ranges";
import { NOW } from "../situations";

const span = { since: NOW - 1000, until: NOW };

describe("the window of the timeline", () => {
  it("comes back from the address as it was put there", () => {
    const fixed = { since: NOW - 500, until: NOW - 100 };
    expect(readSpan(writeSpan(new URLSearchParams("q=x"), "1 d", fixed), "6 h")).toEqual({ range: "1 d", fixed });
    expect(readSpan(writeSpan(new URLSearchParams(), "1 w", null), "6 h")).toEqual({ range: "1 w", fixed: null });
  });
  it("is the usual one when the address says nonsense", () => {
    const nonsense = new URLSearchParams("range=7_y&since=abc&until=-3");
    expect(readSpan(nonsense, "6 h")).toEqual({ range: "6 h", fixed: null });
  });
  it("keeps the moment under the mouse where it is", () => {
    const at = NOW - 400;
    const next = zoomed(span, 0.5, at, NOW + 10_000);
    expect((at - next.since) / (next.until - next.since)).toBeCloseTo(0.6);
  });
  it("keeps now in sight while it is zoomed without a mouse", () => {
    const rolling = { since: NOW - 1000, until: NOW + 10 };
    const next = zoomed(rolling, 0.5, zoomCentre(rolling, NOW), NOW);
    expect(next).toEqual({ since: NOW - 500, until: NOW + 5 });
    expect(zoomCentre(span, NOW + 1)).toBe(NOW - 500);
  });
  it("does not go past now, but for a little room", () => {
    expect(moved(span, 5_000, NOW).until).toBe(NOW + 50);
    expect(moved(span, -300, NOW)).toEqual({ since: NOW - 1300, until: NOW - 300 });
  });
  it("has a shortest and a longest length", () => {
    const { since, until } = zoomed(span, 1e-9, NOW - 500, NOW);
    expect(until - since).toBeCloseTo(10);
    const wide = zoomed(span, 1e9, NOW - 500, NOW);
    expect(wide.until - wide.since).toBeCloseTo(31 * 86_400);
  });
});
