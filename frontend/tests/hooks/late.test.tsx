// @vitest-environment jsdom
import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Action, LanePhase } from "../../src/contract/types";
import { pass, serve, to } from "../asked";
import { NOW, idle, meta, verdict } from "../situations";

/* Answers that come in another order than they were asked for. Each test answers by hand. */

let changed: (workerids: ReadonlySet<number>) => void = () => undefined;

vi.mock("../../src/server/live", () => ({
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
  serve();
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

describe("a late answer to an earlier question", () => {
  it("does not bring back a worker's older verdict on its own page", async () => {
    const { useWorker } = await import("../../src/hooks/useAnswer");
    const { result } = renderHook(() => useWorker(1, ""));
    await again();
    const told = (level: string) => ({ workers: [idle({ verdict: verdict({ level }) })], meta: meta() });
    await to(1).answer(told("stuck"));
    await to(0).answer(told("ok"));
    expect(result.current.worker?.verdict.level).toBe("stuck");
  });

  it("is shown while the later ones have not come: what is asked often is not left empty", async () => {
    const { useWorker } = await import("../../src/hooks/useAnswer");
    const { result } = renderHook(() => useWorker(1, ""));
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
    const { useTimeline } = await import("../../src/features/timeline/useTimeline");
    const span = { since: NOW - 100, until: NOW };
    const { result } = renderHook(() => useTimeline(span, null));
    await to(0).answer(lane(null));
    await again();
    await again();
    await to(2).answer(lane(NOW - 1));
    await to(1).answer(lane(null));
    expect(result.current.known?.lanes.get("1@1")?.stays[0]?.until).toBe(NOW - 1);
  });

  it("does not close over a lane that was told anew while all were asked for", async () => {
    const { useTimeline } = await import("../../src/features/timeline/useTimeline");
    const { result, rerender } = renderHook(({ span }) => useTimeline(span, null), {
      initialProps: { span: { since: NOW - 100, until: NOW } },
    });
    await to(0).answer(lane(null));
    rerender({ span: { since: NOW - 1000, until: NOW } });
    await pass(300);
    await again();
    await to(2).answer(lane(NOW - 1));
    // All was asked for before that: the worker is asked for once more.
    await to(1).answer(lane(null));
    await to(3).answer(lane(NOW - 1));
    expect(result.current.known?.lanes.get("1@1")?.stays[0]?.until).toBe(NOW - 1);
  });

  it("does not make a finished action unfinished, nor an older action the last", async () => {
    vi.resetModules();
    const { outcomes } = await import("../../src/server/outcomes");
    const action = (id: number, finished_at: number | null) =>
      ({ id, workerid: 1, masterid: 1, finished_at, status: finished_at === null ? "asked" : "done" }) as Action;
    outcomes.put(action(5, NOW));
    outcomes.put(action(5, null));
    expect(outcomes.of({ workerid: 1, masterid: 1 })?.status).toBe("done");
    outcomes.put(action(6, null));
    outcomes.put(action(5, NOW));
    expect(outcomes.of({ workerid: 1, masterid: 1 })?.id).toBe(6);
  });
});

describe("an answer for a page that has been left for another", () => {
  it("does not show one worker under the name of another", async () => {
    const { useWorker } = await import("../../src/hooks/useAnswer");
    const { result, rerender } = renderHook(({ id }) => useWorker(id, ""), { initialProps: { id: 1 } });
    rerender({ id: 2 });
    await to(0).answer({ workers: [idle({ name: "the first" })], meta: meta() });
    expect(result.current.worker).toBeNull();
    await to(1).answer({ workers: [idle({ name: "the second", workerid: 2 })], meta: meta() });
    expect(result.current.worker?.name).toBe("the second");
  });

  it("does not put the entries of one filter into the history of another", async () => {
    const { useHistory } = await import("../../src/hooks/useHistory");
    const { result, rerender } = renderHook(
      ({ query }) => useHistory<{ id: number }>(null, "actions", "actions", query),
      { initialProps: { query: "?status=done" } },
    );
    rerender({ query: "?status=failed" });
    await to(0).answer({ actions: [{ id: 8 }], meta: { next: null } });
    expect(result.current.items).toEqual([]);
  });

  it("does not tell of one address what was asked of another", async () => {
    const { useAnswer } = await import("../../src/hooks/useAnswer");
    const { result, rerender } = renderHook(({ path }) => useAnswer<{ of: number }>(path, null), {
      initialProps: { path: "episodes/1" },
    });
    rerender({ path: "episodes/2" });
    await to(0).answer({ of: 1 });
    expect(result.current.answer).toBeNull();
    await to(1).answer({ of: 2 });
    expect(result.current.answer?.of).toBe(2);
  });

  it("does not draw the lanes of other workers", async () => {
    const { useTimeline } = await import("../../src/features/timeline/useTimeline");
    const span = { since: NOW - 100, until: NOW };
    const { result, rerender } = renderHook(({ ids }) => useTimeline(span, ids), { initialProps: { ids: [1] } });
    rerender({ ids: [2] });
    await to(0).answer({ lanes: [], marks: [], meta: { since: NOW - 100, until: NOW, truncated: true } });
    expect(result.current.known).toBeNull();
  });
});
