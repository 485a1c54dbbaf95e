import { describe, expect, it } from "vitest";
import type { Blocker, MasterStop } from "../../src/api/types";
import { healthLine } from "../../src/model/health";
import { NOW, idle, stopHangs, verdict } from "../situations";

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
    expect(line(blockedBy({ release_in_s: 0 }))).toContain("the master could be stopped at once");
  });
  it("takes the longest of several, and counts what is released", () => {
    expect(line(blockedBy({}, { release_in_s: 11.05 }, { release_in_s: 0 }))).toBe(
      "The latent worker is not stuck; stopping the master now would take up to 12 s and release 2 calls.",
    );
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
    expect(line({ ...stop("a", true), stopping_since: NOW })).toContain(
      "the stop of the master takes up to 6 s and releases 1 call",
    );
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
