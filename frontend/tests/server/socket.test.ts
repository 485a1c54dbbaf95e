import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openSocket, readKey, socketUrl } from "../../src/server/socket";
import { FakeSocket } from "../socket";

const events = { onLive: vi.fn(), onMessage: vi.fn(), onGone: vi.fn() };

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the websocket", () => {
  it("is live only when every subscription was acknowledged", () => {
    openSocket("ws://h/ws", events);
    FakeSocket.last.onopen?.();
    expect(FakeSocket.last.sent.map((command) => command.path)).toEqual([
      "lifecycle/*/transition",
      "lifecycle/*/event",
      "lifecycle/*/verdict",
      "lifecycle/*/action",
      "lifecycle/*/orphan",
      "lifecycle/*/census",
    ]);
    const [first, ...rest] = FakeSocket.last.sent;
    FakeSocket.last.answer({ code: 200, _id: first?._id });
    expect(events.onLive).not.toHaveBeenCalled();
    for (const { _id } of rest) FakeSocket.last.answer({ code: 200, _id });
    expect(events.onLive).toHaveBeenCalledOnce();
  });
  it("is given up when it is never answered, as when it was refused", () => {
    openSocket("ws://h/ws", events);
    vi.advanceTimersByTime(7_000);
    expect(events.onGone).toHaveBeenCalledOnce();
    expect(FakeSocket.last.closed).toBe(true);
  });
  it("is given up when a subscription is denied", () => {
    openSocket("ws://h/ws", events);
    FakeSocket.last.onopen?.();
    FakeSocket.last.answerAll(400);
    expect(events.onGone).toHaveBeenCalledOnce();
    expect(events.onLive).not.toHaveBeenCalled();
  });
  it("is found dead when it no longer answers a ping", () => {
    openSocket("ws://h/ws", events);
    FakeSocket.last.onopen?.();
    FakeSocket.last.answerAll();
    vi.advanceTimersByTime(20_000);
    expect(FakeSocket.last.sent.at(-1)?.cmd).toBe("ping");
    FakeSocket.last.answerAll();
    vi.advanceTimersByTime(10_000);
    expect(events.onGone).not.toHaveBeenCalled();
    vi.advanceTimersByTime(20_000);
    expect(events.onGone).toHaveBeenCalledOnce();
  });
  it("says once that it is gone, and nothing after it was closed on purpose", () => {
    const close = openSocket("ws://h/ws", events);
    close();
    vi.advanceTimersByTime(60_000);
    expect(events.onGone).not.toHaveBeenCalled();
  });
  it("names the worker that a message is about, and passes over what is not ours or not JSON", () => {
    openSocket("ws://h/ws", events);
    FakeSocket.last.answer({ k: "lifecycle/17/verdict", m: {} });
    FakeSocket.last.answer({ k: "builds/17/new", m: {} });
    FakeSocket.last.onmessage?.({ data: "not json" });
    expect(events.onMessage.mock.calls).toEqual([[17, "verdict"]]);
  });
});

describe("addresses and keys", () => {
  it("puts the socket beside the page, with the page's own security", () => {
    expect(socketUrl("https://ci.example/buildbot/?x=1#/lifecycle")).toBe("wss://ci.example/buildbot/ws");
    expect(socketUrl("http://localhost:8010/#/lifecycle")).toBe("ws://localhost:8010/ws");
  });
  it("reads only keys of our own form", () => {
    expect(readKey({ k: "lifecycle/3/action" })).toEqual({ workerid: 3, kind: "action" });
    expect(readKey({ k: "lifecycle/x/action" })).toBeNull();
    expect(readKey({ k: "lifecycle/3" })).toBeNull();
    expect(readKey(null)).toBeNull();
  });
});
