import { describe, expect, it } from "vitest";
import { door } from "../../src/model/door";
import { building, idle, meta, stopHangs, stopping } from "../situations";

describe("the button to force a disconnect", () => {
  it("is open for a stuck worker", () => {
    expect(door(stopHangs(), meta()).kind).toBe("open");
  });
  it("is shut for a reader who is not logged in, and says so", () => {
    const { kind, why } = door(stopHangs(), meta({ can_force: false, user: null }));
    expect(kind).toBe("shut");
    expect(why).toContain("not logged in");
  });
  it("is shut for a user without the right, and names the user", () => {
    expect(door(stopHangs(), meta({ can_force: false })).why).toContain("amber has no right");
  });
  it("leads to the override while a call is pending that is not stuck yet, and says when it will be", () => {
    const { kind, why } = door(stopping(), meta());
    expect(kind).toBe("override");
    expect(why).toContain("after 5 min");
  });
  it("is shut for a worker that builds, and says what to do instead", () => {
    expect(door(building(), meta())).toEqual({
      kind: "shut",
      why: "Not stuck: it is building runtests. Stop the build instead.",
    });
  });
  it("leads to the override while a build waits for the start", () => {
    const worker = stopping({ state: "substantiating_starting", building: building().building });
    expect(door(worker, meta()).kind).toBe("override");
  });
  it("is open for a worker that builds and has gone silent, since the server says so", () => {
    expect(door(building({ forceable: true }), meta()).kind).toBe("open");
  });
  it("is shut for an idle worker: there is nothing to wait for", () => {
    expect(door(idle(), meta()).why).toContain("nothing that the master waits for");
  });
  it("leads to the override while a refused connection is waited for", () => {
    expect(door(idle({ held: 1 }), meta()).kind).toBe("override");
  });
  it("is shut while the worker's master is not up", () => {
    expect(door(stopHangs({ live: false }), meta()).why).toContain("ci is not up");
  });
});
