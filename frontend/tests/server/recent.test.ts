// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RecentSource } from "../../src/server/recent";
import { keyOf } from "../../src/model/key";
import { asked, pass, serve, to } from "../asked";

let changed: (workerids: ReadonlySet<number>) => void = () => undefined;

vi.mock("../../src/server/live", () => ({
  feed: {
    listen: ({ onWorkers }: { onWorkers: typeof changed }) => {
      changed = onWorkers;
      return () => undefined;
    },
  },
}));

let recent: RecentSource;
let leave: () => void;
const of = (workerid: number, masterid = 1) =>
  recent.getState().known.get(keyOf({ workerid, masterid }))?.length ?? null;
const some = (workerid: number, masterid: number, count: number) => ({
  workerid,
  masterid,
  episodes: Array.from({ length: count }, (_, id) => ({ id })),
});
const episodes = (workerid: number, count: number) => ({ recent: [some(workerid, 1, count)] });

beforeEach(() => {
  vi.useFakeTimers();
  serve();
  recent = new RecentSource();
  leave = recent.subscribe(() => undefined);
});
afterEach(() => {
  leave();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the last episodes of the workers on the screen", () => {
  it("are asked for together, once the scrolling rests", async () => {
    recent.want(["1@1"]);
    recent.want(["1@1", "2@1"]);
    await pass(100);
    expect(asked).toHaveLength(1);
    expect(to(0).url).toContain("workerid=1&workerid=2");
    await to(0).answer(episodes(1, 3));
    expect([of(1), of(2), of(3)]).toEqual([3, 0, null]);
  });
  it("are told apart where two masters have a worker of one name, which is asked for once", async () => {
    recent.want(["1@1", "1@2"]);
    await pass(100);
    expect(to(0).url.match(/workerid=1/g)).toHaveLength(1);
    await to(0).answer({ recent: [some(1, 1, 3), some(1, 2, 5), some(1, 3, 9)] });
    expect([of(1, 1), of(1, 2), of(1, 3)]).toEqual([3, 5, null]);
  });
  it("are asked for again when one has changed meanwhile", async () => {
    recent.want(["1@1"]);
    await pass(100);
    changed(new Set([1]));
    await to(0).answer(episodes(1, 3));
    await pass(1_100);
    await to(1).answer(episodes(1, 4));
    expect(of(1)).toBe(4);
  });
  it("are not asked for again and again where the server cannot tell", async () => {
    recent.want(["1@1"]);
    await pass(100);
    await to(0).answer({ error: "?", code: "not_found" }, 404);
    expect(recent.getState().absent).toBe(true);
    await pass(60_000);
    expect(asked).toHaveLength(1);
  });
  it("are tried again after a while where there was no answer", async () => {
    recent.want(["1@1"]);
    await pass(100);
    await to(0).answer({ error: "busy", code: "internal" }, 500);
    await pass(4_000);
    expect(asked).toHaveLength(1);
    await pass(1_000);
    await to(1).answer(episodes(1, 2));
    expect(of(1)).toBe(2);
  });
  it("cost nothing once the page was left, and are looked at anew when it is opened", async () => {
    recent.want(["1@1"]);
    await pass(100);
    await to(0).answer(episodes(1, 3));
    leave();
    changed(new Set([1]));
    await pass(60_000);
    expect(asked).toHaveLength(1);
    leave = recent.subscribe(() => undefined);
    await pass(1_100);
    expect(asked).toHaveLength(2);
  });
});
