// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { asked, pass, serve, to } from "../asked";
import { meta, NOW, stopHangs } from "../situations";
import { FakeSocket } from "../socket";

let leave: () => void;
let stuck: () => number | null;
let levels: readonly string[] = ["stuck"];

vi.mock("../../src/host/settings", () => ({ settings: () => ({ badge: levels }) }));

beforeEach(async () => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW * 1000);
  vi.resetModules();
  levels = ["stuck"];
  serve();
  vi.stubGlobal("WebSocket", FakeSocket);
  const { stuckCount } = await import("../../src/server/stuckCount");
  stuck = () => stuckCount.getState().stuck;
  leave = stuckCount.subscribe(() => undefined);
  await pass(0);
});
afterEach(() => {
  leave();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const one = { workers: [stopHangs()], meta: meta() };

describe("the number on the menu", () => {
  it("is not known any more where it could not be asked for: an old one would be a claim", async () => {
    await to(0).answer(one);
    expect(stuck()).toBe(1);
    await pass(30_000);
    await to(1).answer({ error: "kaput", code: "internal" }, 500);
    expect(stuck()).toBeNull();
    await pass(30_000);
    await to(2).answer(one);
    expect(stuck()).toBe(1);
  });
  it("is not set by a late answer to an earlier question", async () => {
    window.dispatchEvent(new HashChangeEvent("hashchange", { oldURL: "http://h/#/settings" }));
    await pass(0);
    await to(1).answer({ workers: [], meta: meta() });
    await to(0).answer(one);
    expect(stuck()).toBe(0);
  });
  it("is asked for without the filter where the server does not know it", async () => {
    await to(0).answer({ error: "level?", code: "bad_request" }, 400);
    await pass(60_000);
    expect(to(1).url).toContain("field=verdict");
    await to(1).answer(one);
    expect(stuck()).toBe(1);
  });
  it("is 0 where the reader wants none counted, and nothing is asked for", async () => {
    await to(0).answer(one);
    levels = [];
    await pass(30_000);
    expect(stuck()).toBe(0);
    expect(asked).toHaveLength(1);
  });
  it("is what the page knows of all, where a page of ours is open; an answer that comes late does not change it", async () => {
    const { fleetSource } = await import("../../src/server/fleet");
    const close = fleetSource.subscribe(() => undefined);
    await to(1, "v1/workers").answer({ workers: [], meta: meta() });
    await to(0, "/shutdown").answer({ shutdown: [] });
    await to(0, "/orphans").answer({ orphans: [] });
    expect(stuck()).toBe(0);
    window.dispatchEvent(new HashChangeEvent("hashchange", { oldURL: "http://h/#/settings" }));
    await pass(0);
    await to(0, "v1/workers").answer(one);
    expect(stuck()).toBe(0);
    close();
  });
  it("costs nothing once nobody reads it", async () => {
    await to(0).answer(one);
    leave();
    expect(vi.getTimerCount()).toBe(0);
    await pass(600_000);
    expect(asked).toHaveLength(1);
  });
});
