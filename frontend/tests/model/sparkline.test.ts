import { describe, expect, it } from "vitest";
import { columns, sparklineWords } from "../../src/model/sparkline";
import type { RecentEpisode } from "../../src/contract/types";
import { NOW } from "../situations";

const well: RecentEpisode = [1, "ok", 60, 600, 30, NOW];
const failed: RecentEpisode = [2, "start_failed", 0.001, null, null, NOW];

describe("the last episodes in the space of a word", () => {
  it("are split into start, up and stop, from below, and fill the column", () => {
    const [column] = columns([well], 20);
    expect(column?.parts.map(({ part }) => part)).toEqual(["start", "up", "stop"]);
    const height = column?.parts.reduce((sum, part) => sum + part.height, 0) ?? 0;
    expect(height).toBeCloseTo(20 - (column?.top ?? 0));
  });
  it("mark what went wrong, and what lasted no time is seen as well", () => {
    const [column] = columns([failed], 20);
    expect(column?.bad).toBe(true);
    expect(column?.parts[0]?.height).toBeGreaterThanOrEqual(5);
  });
  it("never reach above their space, however long the night was", () => {
    expect(columns([[3, "ok", 1, 900_000, 1, NOW]], 20)[0]?.top).toBeGreaterThanOrEqual(0);
  });
  it("say the same in words", () => {
    expect(sparklineWords([well, failed])).toBe("last 2 episodes: 1 went wrong, the last one start failed");
    expect(sparklineWords([])).toBe("none has ended yet");
  });
  it("do not count a cancelled start as a failure", () => {
    expect(sparklineWords([[4, "cancelled", 1, null, null, NOW]])).toContain("none went wrong");
  });
});
