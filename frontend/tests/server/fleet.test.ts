// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FleetSource } from "../../src/server/fleet";
import type { Worker } from "../../src/contract/types";
import { asked, pass, serve, to } from "../asked";
import { idle, meta, NOW, verdict } from "../situations";

let changed: (workerids: ReadonlySet<number>) => void = () => undefined;
let refresh: () => void = () => undefined;

vi.mock("../../src/server/live", () => ({
  feed: {
    listen: (listener: { onWorkers: typeof changed; onRefresh: typeof refresh }) => {
      changed = listener.onWorkers;
      refresh = listener.onRefresh;
      return () => undefined;
    },
    reportCost: () => undefined,
  },
}));

let store: FleetSource;
let leave: () => void;
const ALL = "v1/workers";
const ONE = "v1/workers/1";
const whole = (...workers: Worker[]) => ({ workers, meta: meta({ total: workers.length }) });
const known = () => store.getState().workers[0];

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW * 1000);
  serve();
  store = new FleetSource();
  leave = store.subscribe(() => undefined);
});
afterEach(() => {
  leave();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** The page has been opened, and knows of worker 1. */
async function opened() {
  await to(0, "/shutdown").answer({ shutdown: [] });
  await to(0, "/orphans").answer({ orphans: [], meta: { next: null, total: 0 } });
  await to(0, ALL).answer(whole(idle()));
  await pass(5_000);
  await answerSide();
  await pass(2_000);
  asked.length = 0;
}
/** What stands above the table is answered whenever it is asked for. */
async function answerSide() {
  for (const one of asked.filter(({ url }) => !url.includes(ALL))) {
    await one.answer(one.url.includes("/shutdown") ? { shutdown: [] } : { orphans: [], meta: { next: null } });
  }
}

describe("a name that two masters have", () => {
  const other = (change: Partial<Worker> = {}) => idle({ masterid: 2, master: "other", ...change });
  const levels = () => store.getState().workers.map(({ masterid, verdict: { level } }) => [masterid, level]);

  it("is looked at on each of them by itself, and stays two rows", async () => {
    await to(0, ALL).answer(whole(idle(), other()));
    await pass(5_000);
    await answerSide();
    asked.length = 0;
    changed(new Set([1]));
    const stuck = { verdict: verdict({ level: "stuck" }) };
    await to(0, `${ONE}?masterid=1`).answer(whole(idle()));
    await to(0, `${ONE}?masterid=2`).answer(whole(other(stuck)));
    expect(levels()).toEqual([
      [1, "ok"],
      [2, "stuck"],
    ]);
  });
  it("is found by a look at all where one of them is new", async () => {
    await opened();
    changed(new Set([1]));
    await to(0, ONE).answer({ error: "which one?", code: "several_masters", choices: [] }, 300);
    await pass(2_000);
    await to(1, ALL).answer(whole(idle(), other()));
    expect(levels()).toEqual([
      [1, "ok"],
      [2, "ok"],
    ]);
  });
});

describe("a change that comes while another is looked at", () => {
  it("is not undone by the late answer to the earlier question", async () => {
    await opened();
    changed(new Set([1]));
    changed(new Set([1]));
    await to(1, ONE).answer(whole(idle({ updated_at: NOW + 2, verdict: verdict({ level: "stuck" }) })));
    await to(0, ONE).answer(whole(idle({ updated_at: NOW + 1 })));
    expect(known()?.verdict.level).toBe("stuck");
  });
  it("is taken although the master's clock was set back meanwhile", async () => {
    await opened();
    changed(new Set([1]));
    await to(0, ONE).answer(whole(idle({ updated_at: NOW - 7200, state: "substantiating" })));
    expect(known()?.state).toBe("substantiating");
  });
  it("is not taken where all was asked for later, and has been told", async () => {
    await opened();
    changed(new Set([1]));
    refresh();
    await to(1, ALL).answer(whole(idle({ state: "substantiated" })));
    await to(0, ONE).answer(whole(idle({ state: "substantiating", updated_at: NOW })));
    expect(known()?.state).toBe("substantiated");
  });
  it("is looked at by itself where a look at all was under way: that one may have it as it was before", async () => {
    await opened();
    refresh();
    changed(new Set([1]));
    await to(0, ALL).answer(whole(idle()));
    await to(0, ONE).answer(whole(idle({ updated_at: NOW + 1, state: "substantiating" })));
    expect(known()?.state).toBe("substantiating");
  });
  it("is not undone by what was told before of the stop and the orphans", async () => {
    await opened();
    refresh();
    await to(0, ALL).answer(whole(idle()));
    await pass(2_500);
    refresh();
    await to(1, ALL).answer(whole(idle()));
    await to(1, "/orphans").answer({ orphans: [], meta: { next: null, open: 2 } });
    await to(1, "/shutdown").answer({ shutdown: [] });
    await to(0, "/orphans").answer({ orphans: [], meta: { next: null, open: 1 } });
    await to(0, "/shutdown").answer({ shutdown: [] });
    expect(store.getState().openOrphans).toBe(2);
  });
});

describe("the first look", () => {
  it("shows all at once, or the table would be pushed down by what stands above it", async () => {
    await to(0, ALL).answer(whole(idle()));
    expect(known()).toBeUndefined();
    await answerSide();
    expect(known()?.name).toBe("ec2-1");
  });
  it("does not wait for long for what stands above", async () => {
    await to(0, ALL).answer(whole(idle()));
    await pass(300);
    expect(known()?.name).toBe("ec2-1");
  });
});

describe("a page that has been left", () => {
  it("leaves no timer, and asks for nothing any more", async () => {
    await opened();
    // what blocks the stop was looked at a moment ago: the next look has to wait
    changed(new Set([1]));
    await to(0, ONE).answer(whole(idle()));
    await answerSide();
    changed(new Set([1]));
    await to(1, ONE).answer(whole(idle()));
    leave();
    expect(vi.getTimerCount()).toBe(0);
    asked.length = 0;
    await pass(60_000);
    expect(asked).toEqual([]);
  });
  it("sets no timer for an answer that comes afterwards", async () => {
    await opened();
    refresh();
    refresh();
    leave();
    await to(0, ALL).answer(whole(idle()));
    expect(vi.getTimerCount()).toBe(0);
    expect(asked).toHaveLength(1);
  });
  it("leaves no timer where its first answer has come, and what stands above the table has not", async () => {
    await to(0, ALL).answer(whole(idle()));
    leave();
    await pass(300);
    await answerSide();
    expect(vi.getTimerCount()).toBe(0);
    expect(asked).toHaveLength(3);
  });
  it("may be left twice by mistake, and is still kept for another who watches", async () => {
    await opened();
    const other = store.subscribe(() => undefined);
    leave();
    leave();
    expect(store.watched).toBe(true);
    changed(new Set([1]));
    await to(0, ONE).answer(whole(idle({ name: "ec2-9" })));
    expect(known()?.name).toBe("ec2-9");
    other();
  });
  it("is not changed by an answer that comes afterwards", async () => {
    await opened();
    refresh();
    leave();
    await to(0, ALL).answer(whole(idle({ name: "ec2-9" })));
    expect(known()?.name).toBe("ec2-1");
  });
  it("asks at once when it is opened again, though an earlier answer never came", async () => {
    await opened();
    refresh();
    leave();
    leave = store.subscribe(() => undefined);
    await to(1, ALL).answer(whole(idle({ name: "ec2-9" })));
    expect(known()?.name).toBe("ec2-9");
  });
  it("is brought up to date when it is opened again", async () => {
    await opened();
    leave();
    leave = store.subscribe(() => undefined);
    await to(0, ALL).answer(whole(idle({ name: "ec2-9" })));
    expect(known()?.name).toBe("ec2-9");
  });
});
