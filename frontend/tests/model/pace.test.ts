import { describe, expect, it } from "vitest";
import { pollInterval, reconnectDelay } from "../../src/model/pace";
import { clocksWords } from "../../src/model/clocks";
import { behindWords } from "../../src/model/behind";
import { NOW, meta } from "../situations";

describe("polling", () => {
  it("is every 5 s where an answer is quick", () => {
    expect(pollInterval(40)).toBe(5);
  });
  it("takes no more than a tenth of the time where answers are slow", () => {
    expect(pollInterval(1500)).toBe(15);
  });
  it("is never rarer than once a minute", () => {
    expect(pollInterval(900_000)).toBe(60);
  });
});

describe("reconnecting", () => {
  it("waits longer after each failure, up to half a minute", () => {
    expect([0, 1, 2, 3, 4, 5, 20].map((attempt) => reconnectDelay(attempt, 0.5))).toEqual([1, 2, 4, 8, 16, 30, 30]);
  });
  it("is spread, so that all pages do not come back at once", () => {
    expect(reconnectDelay(3, 0)).toBeLessThan(reconnectDelay(3, 1));
  });
});

describe("a recorder that is behind", () => {
  it("is told of with the number of events and the age of the oldest", () => {
    const silent = behindWords(meta({ behind: { events: 0, since: NOW - 90 } }), NOW);
    expect(silent).toContain("The database has not answered for 1 min 30 s");
    const words = behindWords(meta({ behind: { events: 1200, since: NOW - 90 } }), NOW);
    expect(words).toContain("1,200 events not written yet, the oldest from 1 min 30 s ago");
  });
  it("is not told of for events that are on their way in the normal course", () => {
    expect(behindWords(meta({ behind: { events: 3, since: NOW - 1 } }), NOW)).toBeNull();
    expect(behindWords(meta({ behind: { events: 0, since: NOW - 1 } }), NOW)).toBeNull();
    expect(behindWords(meta(), NOW)).toBeNull();
  });
});

describe("masters whose clocks differ", () => {
  it("are told of above 5 s, with what is right all the same", () => {
    expect(clocksWords(meta({ clocks_differ_s: 90 }))).toContain("differs by 1 min 30 s");
    expect(clocksWords(meta({ clocks_differ_s: 90 }))).toContain("Ages are right");
    expect(clocksWords(meta({ clocks_differ_s: 5.1 }))).not.toBeNull();
  });
  it("are not told of below, where none is known, and by an older server", () => {
    expect(clocksWords(meta({ clocks_differ_s: 5 }))).toBeNull();
    expect(clocksWords(meta({ clocks_differ_s: null }))).toBeNull();
    expect(clocksWords(meta({ clocks_differ_s: undefined as never }))).toBeNull();
  });
});
