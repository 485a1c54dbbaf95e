// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Action } from "../../src/contract/types";
import { OutcomeSource } from "../../src/server/outcomes";
import { asked, pass, serve, to } from "../asked";
import { NOW } from "../situations";

const action = (id: number, workerid: number, finished_at: number | null = null) =>
  ({ id, workerid, masterid: 1, finished_at, status: finished_at === null ? "asked" : "done" }) as Action;

let outcomes: OutcomeSource;
let leave: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  serve();
  outcomes = new OutcomeSource();
  leave = outcomes.subscribe(() => undefined);
});
afterEach(() => {
  leave();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("an action on one of two workers of one name", () => {
  it("is not told of the other master's", () => {
    outcomes.put({ ...action(5, 1, NOW), masterid: 2 });
    expect(outcomes.of({ workerid: 1, masterid: 1 })).toBeNull();
    expect(outcomes.of({ workerid: 1, masterid: 2 })?.id).toBe(5);
  });
});

describe("an action that its master has not answered yet", () => {
  it("is followed until it has, also where it could not be asked for", async () => {
    outcomes.put(action(5, 1));
    await pass(2_000);
    await to(0).answer({ error: "away", code: "internal" }, 500);
    await pass(2_000);
    await to(1).answer({ actions: [action(5, 1, NOW)] });
    expect(outcomes.of({ workerid: 1, masterid: 1 })?.status).toBe("done");
    await pass(60_000);
    expect(asked).toHaveLength(2);
  });
  it("is followed with those that come after it", async () => {
    outcomes.put(action(5, 1));
    await pass(1_000);
    outcomes.put(action(6, 2));
    await pass(1_000);
    expect(asked.map(({ url }) => url.split("/").at(-1))).toEqual(["5", "6"]);
  });
  it("is not followed where nobody sees it, and is again when somebody does", async () => {
    outcomes.put(action(5, 1));
    leave();
    outcomes.put(action(6, 2));
    expect(vi.getTimerCount()).toBe(0);
    await pass(60_000);
    expect(asked).toEqual([]);
    leave = outcomes.subscribe(() => undefined);
    await pass(2_000);
    expect(asked).toHaveLength(2);
  });
});
