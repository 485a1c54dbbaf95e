import { describe, expect, it } from "vitest";
import { Order } from "../../src/model/order";

describe("answers in another order than they were asked for", () => {
  it("are taken until one to a later question was", () => {
    const order = new Order();
    const [first, second, third] = [order.ask(), order.ask(), order.ask()];
    expect([order.takes(first), order.takes(third), order.takes(second)]).toEqual([true, true, false]);
  });
  it("are not wanted any more where something else is asked now", () => {
    const order = new Order();
    const before = order.ask();
    order.forget();
    const after = order.ask();
    expect([order.takes(before), order.takesPart(before, 1), order.takes(after)]).toEqual([false, false, true]);
  });
  it("count for each part by itself", () => {
    const order = new Order();
    const [first, second] = [order.ask(), order.ask()];
    expect(order.takesPart(second, 1)).toBe(true);
    expect(order.takesPart(first, 1)).toBe(false);
    expect(order.takesPart(first, 2)).toBe(true);
  });
  it("about all are newer than what was asked before of a part, and not than what was asked after", () => {
    const order = new Order();
    const [early, whole, late] = [order.ask(), order.ask(), order.ask()];
    expect(order.takesPart(late, 7)).toBe(true);
    expect(order.takes(whole)).toBe(true);
    expect(order.newerParts(whole)).toEqual([7]);
    expect(order.takesPart(early, 8)).toBe(false);
    const next = order.ask();
    expect(order.takes(next)).toBe(true);
    expect(order.newerParts(next)).toEqual([]);
  });
});
