import { describe, expect, it } from "vitest";
import { age, duration } from "../../src/model/durations";
import { NOW } from "../situations";

describe("a duration", () => {
  it.each([
    [0, "0 s"],
    [0.4, "under 1 s"],
    [59.9, "59 s"],
    [60, "1 min"],
    [192, "3 min 12 s"],
    [3600, "1 h"],
    [7500, "2 h 5 min"],
    [86_400, "1 d"],
    [273_600, "3 d 4 h"],
  ])("of %s seconds is told in at most two plain units: %s", (seconds, words) => {
    expect(duration(seconds)).toBe(words);
  });

  it("is never negative", () => {
    expect(duration(-5)).toBe("0 s");
  });
});

describe("an age", () => {
  it("is zero for a moment that another clock puts into the near future", () => {
    expect(age(NOW + 2, NOW)).toBe("0 s");
  });
  it("is said to be unknown when the beginning is", () => {
    expect(age(null, NOW)).toBe("unknown");
  });
});
