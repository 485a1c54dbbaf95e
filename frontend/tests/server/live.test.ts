// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LiveFeed } from "../../src/server/live";
import { FakeSocket } from "../socket";

let feed: LiveFeed;
let leave: () => void;
const refreshed = vi.fn();
const changed = vi.fn();

function hide(hidden: boolean) {
  vi.spyOn(document, "hidden", "get").mockReturnValue(hidden);
  document.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  FakeSocket.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  feed = new LiveFeed();
  leave = feed.listen({ onRefresh: refreshed, onWorkers: changed });
});
afterEach(() => {
  leave();
  vi.advanceTimersByTime(60_000);
  vi.restoreAllMocks();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a websocket that was lost", () => {
  it("is made anew, and then all is looked at: what happened meanwhile was told to nobody", () => {
    FakeSocket.last.open();
    expect(feed.getState().mode).toBe("live");
    FakeSocket.last.onclose?.();
    expect(feed.getState().mode).toBe("polling");
    vi.advanceTimersByTime(4_000);
    expect(FakeSocket.all).toHaveLength(2);
    refreshed.mockClear();
    FakeSocket.last.open();
    expect(feed.getState().mode).toBe("live");
    expect(refreshed).toHaveBeenCalledTimes(1);
  });
  it("is no reason to look twice where it was never open before", () => {
    FakeSocket.last.open();
    expect(refreshed).not.toHaveBeenCalled();
  });
});

describe("a tab that nobody sees", () => {
  it("has no socket, no timer and no request once it was hidden for ten seconds", () => {
    FakeSocket.last.open();
    hide(true);
    vi.advanceTimersByTime(9_000);
    expect(FakeSocket.last.closed).toBe(false);
    vi.advanceTimersByTime(1_500);
    expect(FakeSocket.last.closed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    refreshed.mockClear();
    vi.advanceTimersByTime(600_000);
    expect(refreshed).not.toHaveBeenCalled();
    expect(FakeSocket.all).toHaveLength(1);
  });
  it("looks at everything when it is seen again, by a socket of its own", () => {
    FakeSocket.last.open();
    hide(true);
    vi.advanceTimersByTime(11_000);
    refreshed.mockClear();
    hide(false);
    expect(refreshed).toHaveBeenCalledTimes(1);
    expect(FakeSocket.all).toHaveLength(2);
  });
  it("keeps its socket where it was looked away from for a moment", () => {
    FakeSocket.last.open();
    hide(true);
    vi.advanceTimersByTime(5_000);
    hide(false);
    vi.advanceTimersByTime(6_000);
    expect(FakeSocket.last.closed).toBe(false);
    expect(FakeSocket.all).toHaveLength(1);
  });
});

describe("the changes of a busy moment", () => {
  it("are told together", () => {
    FakeSocket.last.open();
    for (const id of [3, 4, 3]) FakeSocket.last.answer({ k: `lifecycle/${id}/verdict`, m: {} });
    vi.advanceTimersByTime(30);
    expect(changed.mock.calls).toEqual([[new Set([3, 4])]]);
  });
});
