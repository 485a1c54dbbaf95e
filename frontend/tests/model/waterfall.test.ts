import { describe, expect, it } from "vitest";
import type { LifecycleEvent } from "../../src/contract/types";
import { waterfall } from "../../src/model/waterfall";
import { NOW, episode } from "../situations";

let id = 0;
const event = (kind: string, at: number, data: Record<string, unknown> = {}): LifecycleEvent => ({
  id: ++id,
  workerid: 3,
  masterid: 1,
  episode: 17,
  kind,
  at,
  data,
});

describe("an episode from its beginning to its end", () => {
  it("has its phases, its calls and its builds, each with when and how long", () => {
    const { rows, seconds } = waterfall(
      episode(),
      [
        event("call_started", NOW - 999, { call: "start_instance" }),
        event("call_ended", NOW - 970, { call: "start_instance", outcome: "true" }),
        event("transition", NOW - 960),
      ],
      [[NOW - 1000, NOW - 920, "runtests", 4, 2]],
      NOW,
    );
    expect(seconds).toBe(100);
    expect(rows.map((row) => [row.kind, row.label, row.from, row.to])).toEqual([
      ["phase", "substantiating, starting", 0, 40],
      ["phase", "substantiated", 40, 90],
      ["phase", "insubstantiating", 90, 100],
      ["build", "runtests #4", 0, 80],
      ["call", "start_instance", 1, 30],
    ]);
  });
  it("says of a call without an end whether it goes on", () => {
    const call = event("call_started", NOW - 905, { call: "stop_instance" });
    const open = episode({ ended_at: null, outcome: null });
    const inner = (of: typeof open) => waterfall(of, [call], [], NOW).rows.find((row) => row.kind === "call");
    expect(inner(open)).toMatchObject({ open: true, detail: "has not ended", to: 1000 });
    expect(inner(episode())).toMatchObject({ open: false, detail: "its end was not seen" });
  });
  it("pairs two calls of one name in their order", () => {
    const data = { call: "check_instance" };
    const { rows } = waterfall(
      episode(),
      [
        event("call_started", NOW - 990, data),
        event("call_ended", NOW - 985, { ...data, outcome: "true" }),
        event("call_started", NOW - 980, data),
        event("call_ended", NOW - 979, { ...data, outcome: "raised", error: "gone" }),
      ],
      [],
      NOW,
    );
    const calls = rows.filter((row) => row.kind === "call");
    expect(calls.map((row) => [row.from, row.to, row.bad])).toEqual([
      [10, 15, false],
      [20, 21, true],
    ]);
  });
  it("shows what a driver tells of its steps, as marks", () => {
    const { rows } = waterfall(episode(), [event("step", NOW - 950, { step: "asked the cloud" })], [], NOW);
    expect(rows.at(-1)).toMatchObject({ kind: "mark", label: "asked the cloud", from: 50, to: null });
  });
});
