import { describe, expect, it } from "vitest";
import type { MasterStop } from "../../src/api/types";
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

describe("the line at the top", () => {
  it("says how many are stuck and which master could not be stopped", () => {
    expect(healthLine([stopHangs(), stopHangs(), idle()], [stop("a", true), stop("b", false)])).toEqual({
      level: "stuck",
      text: "2 of 3 latent workers are stuck; master a could not be stopped now, but after 6 s.",
    });
  });
  it("says that all is well when it is", () => {
    expect(healthLine([idle(), idle()], [stop("a", false)])).toEqual({
      level: "ok",
      text: "None of 2 latent workers is stuck; the master could be stopped now.",
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
    const [blocker] = stop("a", true).blockers;
    const light = { ...stop("a", true), blockers: blocker === undefined ? [] : [{ ...blocker, release_in_s: 0 }] };
    expect(healthLine([idle()], [light]).text).toContain("the master could be stopped now");
  });
  it("does not promise an end when one thing cannot be released", () => {
    const [blocker] = stop("a", true).blockers;
    const heavy = {
      ...stop("a", true),
      blockers: blocker === undefined ? [] : [blocker, { ...blocker, releasable: false }],
    };
    expect(healthLine([idle()], [heavy]).text).toBe(
      "The latent worker is not stuck; master a could not be stopped now.",
    );
  });
  it("leaves out a master that is not up", () => {
    expect(healthLine([idle()], [{ ...stop("a", true), live: false }]).level).toBe("ok");
  });
  it("names several masters", () => {
    expect(healthLine([idle()], [stop("a", true), stop("b", true)]).text).toContain("masters a and b could not");
  });
});
