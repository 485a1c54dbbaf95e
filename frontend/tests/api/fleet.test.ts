// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fleetStore } from "../../src/api/fleet";
import { idle, meta } from "../situations";

let changed: (workerids: ReadonlySet<number>) => void = () => undefined;
let refresh: () => void = () => undefined;
const answers: (() => void)[] = [];
let asked: string[] = [];
let held = false;

vi.mock("../../src/api/live", () => ({
  feed: {
    listen: (listener: { onWorkers: typeof changed; onRefresh: typeof refresh }) => {
      changed = listener.onWorkers;
      refresh = listener.onRefresh;
      return () => undefined;
    },
    reportCost: () => undefined,
  },
}));

const body = (url: string) => {
  if (url.includes("/shutdown")) return { shutdown: [] };
  if (url.includes("/orphans")) return { orphans: [], meta: { next: null, total: 0 } };
  return { workers: [idle()], meta: meta({ total: 1 }) };
};

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  held = false;
  vi.stubGlobal("fetch", (url: string) => {
    asked.push(url);
    const answer = new Response(JSON.stringify(body(url)));
    if (!held) return Promise.resolve(answer);
    return new Promise((resolve) => {
      answers.push(() => {
        resolve(answer);
      });
    });
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a page that has been left", () => {
  it("leaves no timer, and asks for nothing any more", async () => {
    const leave = fleetStore.watch(() => undefined);
    await vi.advanceTimersByTimeAsync(1_000);
    // what blocks the stop was looked at a moment ago: the next look has to wait
    changed(new Set([1]));
    await vi.advanceTimersByTimeAsync(100);
    leave();
    expect(vi.getTimerCount()).toBe(0);
    asked = [];
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual([]);
  });
  it("sets no timer for an answer that comes afterwards", async () => {
    const leave = fleetStore.watch(() => undefined);
    await vi.advanceTimersByTimeAsync(5_000);
    held = true;
    refresh();
    refresh();
    await vi.advanceTimersByTimeAsync(10);
    leave();
    asked = [];
    answers.splice(0).forEach((give) => {
      give();
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
  it("is brought up to date when it is opened again", async () => {
    const leave = fleetStore.watch(() => undefined);
    expect(asked.some((url) => url.includes("/workers"))).toBe(true);
    await vi.advanceTimersByTimeAsync(5_000);
    leave();
    expect(fleetStore.snapshot().workers).toHaveLength(1);
  });
});
