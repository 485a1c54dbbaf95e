// @vitest-environment jsdom
import { fireEvent, render } from "@testing-library/react";
import React from "react";
import "../../page";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Worker } from "../../../src/contract/types";
import { PauseDialog } from "../../../src/features/pause/PauseDialog";
import { SelectionBar } from "../../../src/features/workers/SelectionBar";
import { mayAct } from "../../../src/model/door";
import { canPause, pausingMeans, type Pausing } from "../../../src/model/pausing";
import { asked, pass, serve, to } from "../../asked";
import { NOW, building, idle, meta } from "../../situations";

const at = (name: string) => document.querySelector<HTMLElement>(`[data-test="${name}"]`);
const lines = () =>
  [...document.querySelectorAll<HTMLElement>("[data-test=pause-one]")].map(({ dataset, textContent }) => [
    dataset.worker,
    dataset.state,
    textContent.trim(),
  ]);
const posts = () => asked.filter(({ url }) => /pause\?/.test(url)).map(({ url, body }) => [url.split("v1/")[1], body]);

const onClose = vi.fn();
const open = async (act: Pausing, ...workers: Worker[]) => {
  const view = render(<PauseDialog workers={workers} act={act} onClose={onClose} />);
  await pass(0);
  return view;
};
const submit = async (reason: string) => {
  fireEvent.change(at("pause-reason") as HTMLTextAreaElement, { target: { value: reason } });
  fireEvent.submit(document.querySelector("form") as HTMLFormElement);
  await pass(0);
};
const action = (id: number, worker: Worker, change: object = {}) => ({
  action: {
    id,
    workerid: worker.workerid,
    masterid: worker.masterid,
    what: "pause",
    status: "done",
    outcome: "the worker is paused now",
    finished_at: NOW,
    ...change,
  },
});

const two = idle({ workerid: 2, name: "ec2-2" });
const held = idle({ workerid: 3, name: "ec2-3", paused: true, pause_reason: "force disconnect, action 12" });

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW * 1000);
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function () {
    this.open = false;
  };
  onClose.mockReset();
  serve();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("a pause", () => {
  it("is explained before it is done, for each worker, and nothing is asked for by that", async () => {
    await open("pause", idle(), building({ workerid: 2, name: "ec2-2" }), held);
    expect(at("pause-dialog")?.textContent).toContain("Buildbot starts no build on a paused worker");
    expect(at("pause-dialog")?.textContent).toContain("no instance is stopped by it");
    const [first, second, third] = lines();
    expect(first).toEqual(["ec2-1", "ready", "ec2-1: starts no build any more"]);
    expect(second?.[2]).toMatch(/^ec2-2: starts no further build; its build of .+ goes on$/);
    expect(third).toEqual(["ec2-3", "left", "ec2-3: is left alone: it is paused already"]);
    expect(at("pause-submit")?.textContent).toBe("Pause 2 workers");
    expect(posts()).toEqual([]);
  });

  it("needs a reason", async () => {
    await open("pause", idle());
    await submit(" ");
    expect(at("pause-dialog")?.textContent).toContain("A reason is needed");
    expect(document.activeElement).toBe(at("pause-reason"));
    expect(posts()).toEqual([]);
  });

  it("is asked for one after another, each with the reason and its own result", async () => {
    await open("pause", idle(), two, held);
    await submit("its image is broken");
    const body = { reason: "its image is broken" };
    expect(posts()).toEqual([["workers/1/pause?masterid=1", body]]);
    expect(lines().map(([, state]) => state)).toEqual(["sending", "ready", "left"]);
    await to(0, "workers/1/pause").answer(action(13, idle()));
    await to(0, "workers/2/pause").answer({ error: "you may not do that", code: "not_allowed" }, 403);
    expect(lines()).toEqual([
      ["ec2-1", "done", "ec2-1: done: the worker is paused now (action 13)"],
      ["ec2-2", "failure", "ec2-2: You may not do that. An administrator can grant it in authz. Nothing was done."],
      ["ec2-3", "left", "ec2-3: is left alone: it is paused already"],
    ]);
    expect(at("pause-outcome")?.textContent).toContain("1 of 2 workers paused.");
    expect(document.activeElement).toBe(at("pause-outcome"));
    fireEvent.click(at("pause-close") as HTMLElement);
    expect(onClose).toHaveBeenCalledWith(false);
  });

  it("follows what another master has not answered yet", async () => {
    await open("pause", idle());
    await submit("its image is broken");
    const still = action(14, idle(), { status: "asked", outcome: null, finished_at: null });
    await to(0, "workers/1/pause").answer(still, 202);
    expect(lines()[0]?.[1]).toBe("asked");
    await pass(2_000);
    await to(0, "actions/14").answer({ actions: [action(14, idle()).action] });
    expect(lines()[0]?.[1]).toBe("done");
    expect(at("pause-outcome")?.textContent).toContain("1 of 1 worker paused. It is recorded as an action.");
    fireEvent.click(at("pause-close") as HTMLElement);
    expect(onClose).toHaveBeenCalledWith(true);
  });

  it("of nobody says so, and asks for no reason", async () => {
    await open("pause", held);
    expect(at("pause-nothing")?.textContent).toContain("There is nothing to pause");
    expect(document.querySelector("form")).toBeNull();
    expect(at("pause-submit")).toBeNull();
  });
});

describe("the end of a pause", () => {
  it("says for what the worker is paused, and what may still run", async () => {
    const instances = [{ orphan: 4, name: "i-0123", cause: "release", since: NOW, link: null, endable: false }];
    const to_do = { released: null, instances, pause: { action: 12, orphan: null }, calls: [] };
    await open("unpause", { ...held, to_do }, idle());
    expect(lines()).toEqual([
      [
        "ec2-3",
        "ready",
        "ec2-3: is paused (force disconnect, action 12); i-0123 may still run: the next build starts another instance beside it",
      ],
      ["ec2-1", "left", "ec2-1: is left alone: it is neither paused nor in quarantine"],
    ]);
    await submit("the old one is gone");
    expect(posts()).toEqual([["workers/3/unpause?masterid=1", { reason: "the old one is gone" }]]);
  });

  it("ends a quarantine too", () => {
    const quarantined = idle({ quarantined_until: NOW + 60 });
    expect(canPause(quarantined, "unpause")).toBe(true);
    expect(pausingMeans(quarantined, "unpause")).toBe("is in quarantine");
  });
});

describe("who may be paused", () => {
  it("is nobody whose master is not up", async () => {
    await open("pause", idle({ live: false }));
    expect(lines()[0]?.[2]).toContain("is not up");
  });

  it("is offered to whoever is logged in, or may force anonymously", () => {
    expect(mayAct(meta({ can_force: false, user: "bob" }))).toBe(true);
    expect(mayAct(meta({ can_force: true, user: null }))).toBe(true);
    expect(mayAct(meta({ can_force: false, user: null }))).toBe(false);
  });

  it("decides what is offered for a selection", () => {
    const onPause = vi.fn();
    const bar = (...selected: Worker[]) => (
      <SelectionBar selected={selected} shown={[]} onSelect={vi.fn()} onForce={null} onPause={onPause} />
    );
    const view = render(bar(idle()));
    expect(at("force-selected")).toBeNull();
    expect(at("unpause-selected")).toBeNull();
    fireEvent.click(at("pause-selected") as HTMLElement);
    expect(onPause).toHaveBeenCalledWith("pause");
    view.rerender(bar(held));
    expect(at("pause-selected")).toBeNull();
    view.rerender(bar(idle(), held));
    expect(at("pause-selected")).not.toBeNull();
    fireEvent.click(at("unpause-selected") as HTMLElement);
    expect(onPause).toHaveBeenLastCalledWith("unpause");
  });
});
