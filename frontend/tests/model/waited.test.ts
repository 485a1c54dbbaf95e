import { expect, it } from "vitest";
import { filled, judgedSince } from "../../src/model/waited";
import { NOW, idle, stopHangs, verdict } from "../situations";

it("the wait that counts is that of the verdict, not the age of the state", () => {
  expect(judgedSince(stopHangs({ state_since: NOW, verdict: verdict({ level: "stuck", since: NOW - 41 }) }))).toBe(
    NOW - 41,
  );
});
it("who waits for nothing has the age of the state alone", () => {
  expect(judgedSince(idle({ verdict: verdict({ since: NOW - 9 }) }))).toBeNull();
  expect(judgedSince(stopHangs({ verdict: verdict({ level: "failed" }) }))).toBeNull();
});
it("a slow call that is still well has its bar", () => {
  expect(judgedSince(idle({ verdict: verdict({ since: NOW - 9, threshold_s: 60 }) }))).toBe(NOW - 9);
});
it("the bar fills to its limit and no further, whatever the clocks say", () => {
  expect([0, 30, 59.9, 60, 600].map((age) => filled(NOW - age, 60, NOW))).toEqual(["0", "50", "99", "100", "100"]);
  expect(filled(NOW + 5, 60, NOW)).toBe("0");
  expect(filled(NOW, 0, NOW)).toBe("100");
});
