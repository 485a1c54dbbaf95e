import { describe, expect, it } from "vitest";
import { nextShown } from "../../src/hooks/useRows";

/** All steps from what is drawn to what is wanted. */
function steps(now: { first: number; last: number }, wanted: typeof now, inSight: typeof now) {
  const all = [now];
  for (let at = now; all.length < 30;) {
    const next = nextShown(at, wanted, inSight);
    if (next.first === at.first && next.last === at.last) break;
    all.push((at = next));
  }
  return all.slice(1);
}

describe("the rows that are drawn while the table is scrolled", () => {
  it("come in small steps, those in sight first", () => {
    const taken = steps({ first: 0, last: 25 }, { first: 95, last: 121 }, { first: 100, last: 116 });
    expect(taken[0]).toEqual({ first: 100, last: 107 });
    expect(taken.at(-1)).toEqual({ first: 95, last: 121 });
    const sizes = taken.map(
      ({ first, last }, index) => last - first - ((taken[index - 1]?.last ?? 99) - (taken[index - 1]?.first ?? 100)),
    );
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8);
  });
  it("stay where they can, and what is far out of sight goes at once", () => {
    expect(steps({ first: 0, last: 25 }, { first: 3, last: 28 }, { first: 8, last: 23 })).toEqual([
      { first: 3, last: 28 },
    ]);
  });
  it("come from below as from above", () => {
    const taken = steps({ first: 50, last: 75 }, { first: 40, last: 66 }, { first: 45, last: 61 });
    expect(taken[0]).toEqual({ first: 45, last: 66 });
    expect(taken.at(-1)).toEqual({ first: 40, last: 66 });
  });
});
