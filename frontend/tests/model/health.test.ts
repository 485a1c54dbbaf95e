import { describe, expect, it } from "vitest";
import type { Blocker, MasterStop } from "../../src/contract/types";
import { firstWords, healthLine, lastKnownLine, releaseWords, stopCost, toStopFirst } from "../../src/model/health";
import { NOW, building, idle, stopHangs, verdict } from "../situations";

const stop = (master: string, blocked: boolean): MasterStop => ({
  masterid: 1,
  master,
  live: true,
  stopping_since: null,
  blockers: blocked
    ? [{ workerid: 3, worker: "ec2-3", what: "stop_instance", since: NOW, releasable: true, release_in_s: 6, text: "" }]
    : [],
});

const [held] = stop("a", true).blockers as [Blocker];
const blockedBy = (...blockers: Partial<Blocker>[]): MasterStop => ({
  ...stop("a", true),
  blockers: blockers.map((blocker) => ({ ...held, ...blocker })),
});
const line = (...stops: MasterStop[]) => healthLine([idle()], stops).text;

describe("the line at the top", () => {
  it("says how many are stuck, and what a stop of the master would cost", () => {
    expect(healthLine([stopHangs(), stopHangs(), idle()], [stop("a", true), stop("b", false)])).toEqual({
      level: "stuck",
      text: "2 of 3 latent workers are stuck; stopping master a now would take up to 6 s and release 1 call.",
    });
  });
  it("says that all is well when it is", () => {
    expect(healthLine([idle(), idle()], [stop("a", false)])).toEqual({
      level: "ok",
      text: "None of 2 latent workers is stuck; the master could be stopped at once.",
    });
  });
  it("does not call it well when an instance failed", () => {
    const failed = idle({ verdict: verdict({ level: "failed" }) });
    expect(healthLine([failed, idle()], [])).toEqual({
      level: "warning",
      text: "None of 2 latent workers is stuck; 1 failed.",
    });
  });
  it("says nothing of the stop while it is not known", () => {
    expect(healthLine([idle()], null).text).toBe("The latent worker is not stuck.");
  });
  it("does not hold a connection against the master that is let go at once", () => {
    expect(line(blockedBy({ what: "refused_connection", release_in_s: 0 }))).toContain(
      "the master could be stopped at once",
    );
  });
  it("takes the longest of several, and counts what is released", () => {
    expect(line(blockedBy({}, { release_in_s: 11.05 }, { what: "refused_connection", release_in_s: 0 }))).toBe(
      "The latent worker is not stuck; stopping the master now would take up to 12 s and release 2 calls.",
    );
  });
  it("counts a call that is released at once: its instance may run on", () => {
    expect(line(blockedBy({ release_in_s: 0 }))).toContain("would take up to 1 s and release 1 call");
  });
  it("does not promise an end when one thing has no limit", () => {
    expect(line(blockedBy({}, { releasable: false, release_in_s: null }))).toBe(
      "The latent worker is not stuck; the master cannot be stopped while stop_instance has not ended (ec2-3): that has no limit.",
    );
  });
  it("gives no figure where none is known", () => {
    expect(line(blockedBy({ release_in_s: null }))).toContain("would take some time and release 1 call");
  });
  it("speaks of a master that is stopping as of one that is", () => {
    expect(line({ ...stop("a", true), stopping_since: NOW })).toContain("the master is stopping and releases 1 call");
    expect(line({ ...stop("a", false), stopping_since: NOW })).toContain("; the master is stopping.");
  });
  it("leaves out a master that is not up", () => {
    expect(healthLine([idle()], [{ ...stop("a", true), live: false }]).level).toBe("ok");
  });
  it("names each of several masters", () => {
    const text = line(stop("a", true), stop("b", true));
    expect(text).toContain("stopping master a now");
    expect(text).toContain("and stopping master b now");
  });
});

describe("when a stop releases something", () => {
  const told = (change: Partial<MasterStop>, blocker: Partial<Blocker> = {}, after = 0) =>
    releaseWords({ ...held, release_in_s: 11, ...blocker }, { ...stop("a", true), ...change }, NOW, NOW + after);
  const stopping = { stopping_since: NOW - 5 };

  it("is told as what would be, while the master runs", () => {
    expect(told({})).toBe("Once the master is stopping, it is released by itself after 11 s.");
    expect(told({}, {}, 4)).toBe("Once the master is stopping, it is released by itself after 11 s.");
  });
  it("is counted down as of now, while the master is stopping", () => {
    expect(told(stopping)).toBe("It is released in 11 s.");
    expect(told(stopping, {}, 4)).toBe("It is released in 7 s.");
    expect(told(stopping, {}, 12)).toBe("It is being released.");
    expect(told(stopping, { release_in_s: null })).toBe("It is released when it counts as stuck.");
    expect(told(stopping, { releasable: false })).toContain("no limit");
  });
  it("is not told of a master that is not up", () => {
    expect(told({ live: false })).toBe("");
    expect(told({ live: false }, { release_in_s: 0 })).toBe("");
  });
  it("leaves so much of a stop that goes on", () => {
    const going = { ...blockedBy({ release_in_s: 11 }), ...stopping };
    expect(stopCost(going, 4)?.text).toBe("takes up to 7 s more and releases 1 call");
    expect(stopCost(blockedBy({ release_in_s: 11 }), 4)?.text).toBe("would take up to 11 s and release 1 call");
  });
});

describe("the line at the top while nobody answers", () => {
  it("tells what was so at the last answer as of then, and nothing of a stop", () => {
    expect(lastKnownLine([stopHangs(), idle()], "12:00:00")).toEqual({
      level: "unknown",
      text: "Not known now. At 12:00:00, 1 of 2 latent workers was stuck.",
    });
  });
});

describe("a master whose instances are up", () => {
  it("is not said to stop at once: they are stopped first", () => {
    expect(healthLine([idle(), building()], [stop("a", false)]).text).toBe(
      "None of 2 latent workers is stuck; a stop of the master would first stop 1 instance (ec2-5).",
    );
  });
  it("does not count what blocks the stop twice, nor workers of others", () => {
    const workers = [stopHangs(), building(), building({ workerid: 6, masterid: 2 }), idle({ workerid: 7 })];
    expect(toStopFirst(stop("a", true), workers).map(({ workerid }) => workerid)).toEqual([5]);
  });
  it("does not keep silent of them beside what blocks the stop", () => {
    expect(healthLine([stopHangs(), building()], [stop("a", true)]).text).toContain(
      "would take up to 6 s and release 1 call, beside the usual stop of 1 instance (ec2-5)",
    );
  });
  it("says how long that usually takes, and of how many it is not known", () => {
    const up = (change: Partial<MasterStop>) => firstWords({ ...stop("a", false), ...change }, [building()]);
    expect(up({ instances_up: 1, usual_stop_s: 41.5, usual_unknown: 0 })).toBe(
      "1 instance (ec2-5), which usually takes up to 42 s",
    );
    expect(up({ instances_up: 3, usual_stop_s: 90, usual_unknown: 1 })).toBe(
      "3 instances, which usually takes up to 1 min 30 s (how long one of them takes is not known)",
    );
    expect(up({ instances_up: 1, usual_stop_s: null, usual_unknown: 1 })).toBe(
      "1 instance (ec2-5), and how long that takes is not known",
    );
    expect(up({ instances_up: 0, usual_stop_s: null, usual_unknown: 0 })).toBeNull();
  });
  it("names some of many", () => {
    const many = ["a", "b", "c", "d", "e"].map((name, index) => building({ workerid: index, name }));
    expect(firstWords(stop("a", false), many)).toBe("5 instances (a, b, c and 2 more)");
  });
});
