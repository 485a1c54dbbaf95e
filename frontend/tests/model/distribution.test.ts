import { describe, expect, it } from "vitest";
import type { PhaseStats } from "../../src/contract/types";
import { distribution, short } from "../../src/model/distribution";

const stats = (change: Partial<PhaseStats> = {}): PhaseStats => ({
  workerid: 1,
  worker: "a",
  masterid: 1,
  class: "EC2LatentWorker",
  phase: "stop",
  count: 10,
  p50: 3,
  p95: 18,
  p99: 19,
  max: 19,
  buckets: [
    [5, 7],
    [20, 3],
  ],
  threshold_s: 300,
  ...change,
});

describe("a distribution", () => {
  it("has its threshold drawn where it belongs, also far beyond what was measured", () => {
    const { lines, ends } = distribution(stats(), 200, 50);
    const threshold = lines.find((line) => line.threshold);
    expect(threshold).toMatchObject({ seconds: 300, beyond: false });
    expect(threshold?.x).toBeGreaterThan(lines.find((line) => line.label === "p99")?.x ?? Infinity);
    expect(ends[1]).toBe("8 min 20 s");
  });
  it("keeps the empty buckets between: a gap is a finding", () => {
    const { columns } = distribution(stats(), 200, 50);
    const heights = columns.map((column) => column.height);
    const first = heights.findIndex((height) => height > 0);
    expect(heights.slice(first, first + 3).map((height) => height > 0)).toEqual([true, false, true]);
  });
  it("draws a single bucket as one of several, not as a wall", () => {
    const { columns } = distribution(stats({ buckets: [[1, 4]], threshold_s: null }), 200, 50);
    expect(columns.length).toBeGreaterThanOrEqual(7);
    expect(columns.filter((column) => column.height > 0)).toHaveLength(1);
  });
  it("says the same in words", () => {
    expect(distribution(stats(), 200, 50).words).toBe(
      "10 times, p50 3.0 s, p95 18 s, p99 19 s, stuck after 5 min, longest 19 s",
    );
  });
  it("says nothing where nothing was measured", () => {
    const nothing = stats({ count: 0, buckets: [], threshold_s: null });
    expect(distribution(nothing, 200, 50).columns).toEqual([]);
  });
  it("tells milliseconds from seconds", () => {
    expect(short(0.0012)).toBe("1 ms");
    expect(short(1.26)).toBe("1.3 s");
    expect(short(75)).toBe("1 min 15 s");
  });
});
