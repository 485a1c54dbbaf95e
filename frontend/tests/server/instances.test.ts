// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FeedListener } from "../../src/server/live";
import { InstancesSource } from "../../src/server/instances";
import { asked, pass, serve, to } from "../asked";
import { NOW, instance, place } from "../situations";

let told: FeedListener;
vi.mock("../../src/server/live", () => ({
  feed: {
    listen: (listener: FeedListener) => {
      told = listener;
      return () => undefined;
    },
    reportCost: () => undefined,
  },
}));

const answer = (change: { taking?: boolean; names?: string[] } = {}) => ({
  instances: (change.names ?? ["i-0aa"]).map((name) => instance({ name })),
  places: [place()],
  meta: { total: 1, taken: NOW, taking: change.taking ?? false },
});

let source: InstancesSource;
let leave: () => void;
const names = () => source.getState().instances?.map(({ name }) => name);

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW * 1000);
  serve();
  source = new InstancesSource("?worker=ec2-1", 1);
  leave = source.subscribe(() => undefined);
});
afterEach(() => {
  leave();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("what runs in the clouds", () => {
  it("is looked at again when a census is told, and when its worker has changed, but not for each of its changes", async () => {
    await to(0, "instances?worker=ec2-1").answer(answer());
    told.onCensus?.();
    await to(1).answer(answer({ names: ["i-0cc"] }));
    expect(names()).toEqual(["i-0cc"]);
    for (let n = 0; n < 5; n++) told.onWorkers(new Set([1]));
    told.onWorkers(new Set([2]));
    await pass(2_000);
    expect(asked).toHaveLength(3);
  });
  it("is looked at until the census that is under way is over, also where no message tells of its end", async () => {
    await to(0).answer(answer({ taking: true }));
    await pass(2_000);
    await to(1).answer(answer({ taking: true }));
    await pass(2_000);
    await to(2).answer(answer());
    await pass(60_000);
    expect(asked).toHaveLength(3);
  });
  it("stays as it was known, with the failure, where Buildbot does not answer", async () => {
    await to(0).answer(answer());
    source.reload();
    await to(1).answer({ error: "away", code: "internal" }, 500);
    expect(names()).toEqual(["i-0aa"]);
    expect(source.getState().failure?.message).toBe("away");
  });
});

describe("to look now", () => {
  it("asks the clouds once, says since when, and is over when the census is", async () => {
    await to(0).answer(answer());
    source.lookNow();
    source.lookNow();
    expect(asked.filter(({ url }) => url.includes("refresh"))).toHaveLength(1);
    expect(source.getState().looking).toBe(NOW);
    await to(0, "refresh").answer({ meta: {} }, 202);
    await to(1, "instances?").answer(answer({ taking: true }));
    expect(source.getState().looking).toBe(NOW);
    await pass(2_000);
    await to(2, "instances?").answer(answer({ names: ["i-0dd"] }));
    expect(source.getState()).toMatchObject({ looking: null, looked: "done" });
    expect(names()).toEqual(["i-0dd"]);
  });
  it("says what came instead of an answer", async () => {
    source.lookNow();
    await to(0, "refresh").answer({ error: "no rights", code: "forbidden" }, 403);
    expect(source.getState().looked).toMatchObject({ status: 403, message: "no rights" });
  });
  it("is not told as over while the list cannot be had", async () => {
    source.lookNow();
    await to(0, "refresh").answer({ meta: {} }, 202);
    await to(1, "instances?").answer({ error: "away", code: "internal" }, 500);
    expect(source.getState().looked).toBeNull();
    await pass(2_000);
    await to(2, "instances?").answer(answer());
    expect(source.getState().looked).toBe("done");
  });
});
