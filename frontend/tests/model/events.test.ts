import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { tell } from "../../src/model/events";
import { NOW } from "../situations";

const event = (kind: string, data: Record<string, unknown> = {}) => ({
  id: 1,
  workerid: 3,
  masterid: 1,
  episode: 17,
  kind,
  at: NOW,
  data,
});
const page = readFileSync(resolve(import.meta.dirname, "../../../docs/rest.md"), "utf-8");
const said = (kind: string, data: Record<string, unknown> = {}) => tell(event(kind, data)).text;

describe("an event in words", () => {
  it("is a sentence for every kind that the docs name", () => {
    const table = (page.split("### Event")[1] ?? "").split("### Action")[0] ?? "";
    const kinds = [...table.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(
      (row) => String(row[1]).match(/\w+/g) ?? [],
    );
    const told = kinds.filter(
      (kind) => !["id", "workerid", "masterid", "episode", "kind", "at", "data"].includes(kind),
    );
    expect(told.length).toBeGreaterThan(25);
    // A kind that is not known is told by its name and all that it carries.
    const unknown = told.filter((kind) => said(kind, { x: 1 }).endsWith('{"x":1}'));
    expect(unknown).toEqual([]);
  });
  it("tells signs of life, and silence as a problem", () => {
    expect(said("sign_of_life", { of: "answer" })).toBe("the worker answered the question whether it lives");
    expect(said("silent", { seconds: 30 })).toBe("asked whether it lives, and has not answered in 30 s");
    expect(tell(event("silent", { seconds: 30 })).tone).toBe("bad");
  });
  it("tells a quarantine with its end, and a graceful shutdown", () => {
    expect(said("quarantine_entered", { until: NOW + 60, seconds: 60 })).toContain(
      "Buildbot starts no build on it until ",
    );
    expect(said("quarantine_left")).toContain("may start builds on it again");
    expect(said("graceful")).toContain("it builds no more");
    expect(said("detached", { by_master: true })).toBe("detached: the master closed the connection");
  });
  it("tells what became of a lost worker's instance, with its log as detail", () => {
    const told = tell(event("last_words", { instance: "c0ffee", gone: null, text: "exited, exit code 137\nlog" }));
    expect(told).toEqual({ text: "its instance c0ffee: exited, exit code 137", detail: "log", tone: "bad" });
    expect(said("last_words", { instance: null, gone: true, text: null })).toBe("its instance was gone");
    expect(said("last_words", { instance: "i-1", gone: null, text: null, why: "401" })).toBe(
      "what became of its instance i-1 is not known: 401",
    );
    expect(said("place", { place: "0123" })).toBe("its instances are made in cloud 0123");
    expect(said("place", { place: null })).toBe("in which cloud its instance is made is not known");
  });
  it("tells why a build got no worker", () => {
    const build = { builder: "runtests", number: null };
    expect(said("not_substantiated", { how: "timeout", build })).toBe("no worker came in time for runtests");
    expect(said("not_substantiated", { how: "failed", build, error: "quota" })).toBe("runtests got no worker: quota");
    expect(said("login_failed", { reason: "wrong password", times: 3 })).toBe(
      "a login with its name failed 3 times: wrong password",
    );
  });
  it("marks a call that raised as a problem and keeps its traceback", () => {
    const told = tell(
      event("call_ended", { call: "stop_instance", outcome: "raised", error: "Boom", traceback: "T", elapsed_s: 12 }),
    );
    expect(told).toEqual({
      text: "stop_instance ended".replace("ended", "raised") + " after 12 s: Boom",
      detail: "T",
      tone: "bad",
    });
  });
  it("says that an abandoned call ended late", () => {
    expect(said("call_ended", { call: "stop_instance", outcome: "true", late: true, elapsed_s: 700 })).toBe(
      "stop_instance ended late after 11 min 40 s",
    );
  });
  it("points out a change that Buildbot's table does not have", () => {
    expect(said("transition", { from: "a_b", to: "substantiated", expected: false })).toContain(
      "a b → substantiated (not a change",
    );
  });
  it("names the build", () => {
    expect(said("build_finished", { build: { builder: "runtests", number: 4 } })).toBe("runtests #4 finished");
    expect(said("asked", {})).toBe("a build asked for it");
  });
  it("shows a step that a driver tells of, with its details", () => {
    expect(said("step", { step: "asked to stop", pid: 17 })).toBe("asked to stop (pid 17)");
  });
  it("says where a call hangs, and keeps the way there", () => {
    const where = [
      { file: "/lib/cloud.py", line: 7, function: "Cloud.stop" },
      { file: "/lib/wait.py", line: 21, function: "until" },
    ];
    const told = tell(event("where", { call: "stop_instance", token: 3, where }));
    expect(told.text).toBe("stop_instance hangs in until, wait.py:21");
    expect(told.detail).toBe("/lib/cloud.py:7 Cloud.stop\n/lib/wait.py:21 until");
    expect(tell(event("where", { call: "stop_instance", where: [] })).text).toBe("stop_instance hangs");
  });

  it("says for how long a driver made the master stand still", () => {
    const where = [{ file: "/lib/wait.py", line: 21, function: "until" }];
    const told = tell(event("reactor_blocked", { seconds: 4, where }));
    expect(told.text).toBe("the master stood still for 4 s in until, wait.py:21");
    expect(told.tone).toBe("bad");
  });

  it("says how much is missing", () => {
    expect(said("gap", { dropped: 12 })).toBe("12 events are missing here: the recorder could not keep up");
  });
  it("shows a kind that it does not know with all that it carries", () => {
    expect(said("new_kind", { a: 1 })).toBe('new kind {"a":1}');
  });
});
