// @vitest-environment jsdom
import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Action, LanePhase } from "../../src/api/types";
import { NOW, idle, meta, verdict } from "../situations";

/* Answers that come in another order than they were asked for. Each test answers by hand. */

interface Asked {
  url: string;
  answer: (body: unknown) => Promise<void>;
}
let asked: Asked[] = [];
let changed: (workerids: ReadonlySet<number>) => void = () => undefined;

vi.mock("../../src/api/live", () => ({
  feed: {
    listen: ({ onWorkers }: { onWorkers: typeof changed }) => {
      changed = onWorkers;
      return () => undefined;
    },
    reportCost: () => undefined,
  },
}));

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW * 1000);
  asked = [];
  vi.stubGlobal(
    "fetch",
    (url: string) =>
      new Promise((resolve) => {
        asked.push({
          url,
          answer: (body) =>
            act(async () => {
              resolve(new Response(JSON.stringify(body)));
              await vi.advanceTimersByTimeAsync(0);
            }),
        });
      }),
  );
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Worker 1 has changed, and is asked for again. */
const again = () =>
  act(async () => {
    changed(new Set([1]));
    await vi.advanceTimersByTimeAsync(0);
  });
const to = (index: number) => asked[index] as Asked;

describe("a late answer to an earlier question", () => {
  it("does not bring back a worker's older verdict on its own page", async () => {
    const { useWorker } = await import("../../src/hooks/useWorker");
    const { result } = renderHook(() => useWorker(1));
    await again();
    const told = (level: string) => ({ workers: [idle({ verdict: verdict({ level }) })], meta: meta() });
    await to(1).answer(told("stuck"));
    await to(0).answer(told("ok"));
    expect(result.current.worker?.verdict.level).toBe("stuck");
  });

  it("is shown while the later ones have not come: what is asked often is not left empty", async () => {
    const { useWorker } = await import("../../src/hooks/useWorker");
    const { result } = renderHook(() => useWorker(1));
    await again();
    await to(0).answer({ workers: [idle({ name: "first" })], meta: meta() });
    expect(result.current.worker?.name).toBe("first");
  });

  it("does not take the newest entry out of a history", async () => {
    const { useHistory } = await import("../../src/hooks/useHistory");
    const { result } = renderHook(() => useHistory<{ id: number }>(1, "workers/1/events", "events", "?limit=2"));
    await again();
    await to(1).answer({ events: [{ id: 3 }, { id: 2 }], meta: { next: null } });
    await to(0).answer({ events: [{ id: 2 }, { id: 1 }], meta: { next: null } });
    expect(result.current.items.map(({ id }) => id)).toEqual([3, 2]);
  });

  const lane = (until: number | null) => {
    const phases: LanePhase[] = [["substantiated", NOW - 60, until]];
    return {
      lanes: [{ workerid: 1, worker: "a", masterid: 1, episodes: [{ id: 7, outcome: null, phases, builds: [] }] }],
      marks: [],
      meta: { since: NOW - 100, until: NOW, truncated: false },
    };
  };
  it("does not open a bar of the timeline again that has ended", async () => {
    const { useTimeline } = await import("../../src/hooks/useTimeline");
    const span = { since: NOW - 100, until: NOW };
    const { result } = renderHook(() => useTimeline(span, null));
    await to(0).answer(lane(null));
    await again();
    await again();
    await to(2).answer(lane(NOW - 1));
    await to(1).answer(lane(null));
    expect(result.current.known?.lanes.get(1)?.stays[0]?.until).toBe(NOW - 1);
  });

  it("does not make a finished action unfinished, nor an older action the last", async () => {
    vi.resetModules();
    const { outcomes } = await import("../../src/api/outcomes");
    const action = (id: number, finished_at: number | null) =>
      ({ id, workerid: 1, finished_at, status: finished_at === null ? "asked" : "done" }) as Action;
    outcomes.put(action(5, NOW));
    outcomes.put(action(5, null));
    expect(outcomes.of(1)?.status).toBe("done");
    outcomes.put(action(6, null));
    outcomes.put(action(5, NOW));
    expect(outcomes.of(1)?.id).toBe(6);
  });
});
