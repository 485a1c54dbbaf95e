import { describe, expect, it } from "vitest";
import { durationTicks, momentTicks, stepFor } from "../../src/model/ticks";

describe("the lines of an axis", () => {
  it("are round numbers of the units that people read", () => {
    expect(durationTicks(60, 4)).toEqual([0, 15, 30, 45, 60]);
    expect(stepFor(3_600, 6)).toBe(600);
    expect(stepFor(604_800, 8)).toBe(86_400);
  });
  it("are never more than there is room for", () => {
    for (const seconds of [7, 61, 3_599, 90_000, 2_000_000]) {
      expect(durationTicks(seconds, 6).length).toBeLessThanOrEqual(7);
    }
  });
  it("stand on full hours of the reader's zone", () => {
    const india = 5.5 * 3600;
    const [first = 0] = momentTicks(1_800_000_000, 1_800_021_600, 6, india);
    expect((first + india) % 3600).toBe(0);
  });
});
