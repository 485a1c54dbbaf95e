import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { lastHeard, serverNow, setServerTime, stopTime } from "../../src/server/clock";
import { NOW } from "../situations";

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW * 1000);
});
afterEach(() => {
  setServerTime(NOW, NOW, NOW);
  vi.useRealTimers();
});

describe("the time on the page", () => {
  it("is the server's, however wrong the browser's clock is", () => {
    setServerTime(NOW + 3600, NOW, NOW);
    expect(serverNow()).toBe(NOW + 3600);
  });
  it("stands at the last answer while the server does not answer, and goes on when it does", () => {
    setServerTime(NOW, NOW, NOW);
    vi.advanceTimersByTime(7_000);
    expect(serverNow()).toBe(NOW + 7);
    stopTime();
    vi.advanceTimersByTime(60_000);
    expect([serverNow(), lastHeard()]).toEqual([NOW, NOW]);
    setServerTime(NOW + 67, NOW + 67, NOW + 67);
    vi.advanceTimersByTime(2_000);
    expect(serverNow()).toBe(NOW + 69);
  });
  it("does not jump for what the way of the answer explains", () => {
    const before = serverNow();
    setServerTime(before + 0.8, NOW - 2, NOW);
    expect(serverNow()).toBe(before);
  });
});
