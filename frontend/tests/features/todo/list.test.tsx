// @vitest-environment jsdom
import { fireEvent, render } from "@testing-library/react";
import React from "react";
import "../../page";
import { MemoryRouter } from "react-router-dom";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LeftInstance, ToDo, Worker } from "../../../src/contract/types";
import { ToDoList } from "../../../src/features/todo/ToDoList";
import { asked, pass, serve, to } from "../../asked";
import { NOW, idle, nobodys } from "../../situations";

const at = (name: string) => document.querySelector<HTMLElement>(`[data-test="${name}"]`);
const all = (name: string) => [...document.querySelectorAll<HTMLElement>(`[data-test="${name}"]`)];
const click = (name: string) => {
  fireEvent.click(at(name) as HTMLElement);
};
const write = (name: string, text: string) => {
  fireEvent.change(at(`${name}-note`) as HTMLInputElement, { target: { value: text } });
  fireEvent.submit(at(name) as HTMLFormElement);
};

const instance = (change: Partial<LeftInstance> = {}): LeftInstance => ({
  orphan: 4,
  name: "i-0123",
  cause: "release",
  since: NOW - 720,
  link: null,
  endable: false,
  ...change,
});
const left = (change: Partial<ToDo> = {}): ToDo => ({
  released: { action: 12, by: "alice", by_kind: "user", at: NOW - 720 },
  instances: [instance()],
  pause: { action: 12, orphan: null },
  calls: [{ call: "stop_instance", since: NOW - 1500 }],
  ...change,
});
const NOTHING = { released: null, instances: [], pause: null, calls: [] };

const onDone = vi.fn();
const shown = (worker: Worker) => (
  <MemoryRouter>
    <ToDoList worker={worker} onDone={onDone} />
  </MemoryRouter>
);
const open = async (to_do: ToDo | null | undefined) => {
  const view = render(shown(idle(to_do === undefined ? {} : { to_do })));
  await pass(0);
  return view;
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW * 1000);
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  onDone.mockReset();
  serve();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("what is left to do", () => {
  it("is each thing by itself, with who released it and when", async () => {
    await open(left());
    expect(at("to-do")?.querySelector("h2")?.textContent).toBe("Left to do: 3 things");
    expect(at("to-do-released")?.textContent).toBe("Force disconnect by alice, 12 min ago (action 12).");
    expect(at("to-do-instance")?.textContent).toContain("i-0123");
    expect(at("to-do-instance")?.textContent).toContain("may still run, for 12 min");
    expect(at("to-do-pause")?.textContent).toContain("paused, by the force disconnect (action 12)");
    expect(at("to-do-call")?.textContent).toContain("The abandoned stop_instance still runs, for 25 min");
  });

  it("does not say who released it where that is not known", async () => {
    await open(left({ released: null }));
    expect(at("to-do-released")).toBeNull();
  });

  it("is not there where nothing is left, nor where an older server does not tell", async () => {
    const view = await open(null);
    expect(at("to-do")).toBeNull();
    view.unmount();
    await open(undefined);
    expect(at("to-do")).toBeNull();
    expect(asked).toEqual([]);
  });

  it("has only the means that there are", async () => {
    await open({ ...NOTHING, instances: [instance(), instance({ orphan: 5, name: null })] });
    expect(all("to-do-instance")).toHaveLength(2);
    expect(all("to-do-instance")[1]?.textContent).toContain("name not known");
    expect(all("console")).toEqual([]);
    expect(all("to-do-end")).toEqual([]);
    expect(all("to-do-unpause")).toEqual([]);
    expect(all("to-do-mark")).toHaveLength(2);
  });

  it("leads to the console and to the end of an instance, by its entry", async () => {
    await open({ ...NOTHING, instances: [instance({ link: "https://cloud/i-0123", endable: true })] });
    expect(at("console")?.getAttribute("href")).toBe("https://cloud/i-0123");
    expect(at("to-do-end")?.getAttribute("href")).toBe("/lifecycle/instances?entry=4");
  });

  it("opens no address that is none of a page", async () => {
    await open({ ...NOTHING, instances: [instance({ link: "javascript:alert(1)" })] });
    expect(at("console")).toBeNull();
  });

  it("ends an instance in place where the census has it", async () => {
    await open({ ...NOTHING, instances: [instance({ endable: true })] });
    const listed = nobodys({ id: "1-0123", name: "i-0123", orphan: 4, endable: true });
    await to(0, "instances").answer({ instances: [listed], places: [], meta: { total: 1, taken: NOW, taking: false } });
    expect(at("to-do-end")).toBeNull();
    click("end-instance");
    expect(at("end-dialog")).not.toBeNull();
  });

  it("marks an instance as gone, with a note, and says so", async () => {
    const view = await open(left());
    click("to-do-mark");
    expect(document.activeElement).toBe(at("to-do-gone-note"));
    write("to-do-gone", " ");
    expect(at("to-do-gone")?.textContent).toContain("Write down what became of it first.");
    expect(asked.filter(({ url }) => url.includes("resolve"))).toEqual([]);
    write("to-do-gone", "terminated in the console");
    await to(0, "orphans/4/resolve").answer({ orphan: {} });
    expect(to(0, "orphans/4/resolve").body).toEqual({ note: "terminated in the console" });
    expect(onDone).toHaveBeenCalledTimes(1);
    expect(at("to-do-said")?.textContent).toBe("i-0123 is marked as gone.");
    expect(document.activeElement).toBe(at("to-do-said"));
    view.rerender(shown(idle({ to_do: left({ instances: [] }) })));
    expect(at("to-do")?.querySelector("h2")?.textContent).toBe("Left to do: 2 things");
    expect(at("to-do-instance")).toBeNull();
  });

  it("takes an entry for closed that somebody else has closed meanwhile", async () => {
    await open(left());
    click("to-do-mark");
    write("to-do-gone", "gone");
    await to(0, "orphans/4/resolve").answer({ error: "closed", code: "already_closed" }, 409);
    expect(onDone).toHaveBeenCalledTimes(1);
  });

  it("says why an entry was not closed, and keeps the note", async () => {
    await open(left());
    click("to-do-mark");
    write("to-do-gone", "gone");
    await to(0, "orphans/4/resolve").answer({ error: "you may not do that", code: "not_allowed" }, 403);
    expect(at("to-do-gone")?.textContent).toContain("you may not do that");
    expect((at("to-do-gone-note") as HTMLInputElement).value).toBe("gone");
    expect(onDone).not.toHaveBeenCalled();
  });

  it("unpauses the worker of that master, with a reason", async () => {
    await open(left());
    click("to-do-unpause");
    write("to-do-unpausing", "the old one is gone");
    const question = to(0, "workers/1/unpause?masterid=1");
    expect(question.body).toEqual({ reason: "the old one is gone" });
    await question.answer({ action: { id: 13, status: "done", outcome: "the worker is unpaused now" } });
    expect(at("to-do-said")?.textContent).toBe("Buildbot was asked to unpause ec2-1.");
    expect(onDone).toHaveBeenCalledTimes(1);
  });

  it("says that an unpause had no effect", async () => {
    await open(left());
    click("to-do-unpause");
    write("to-do-unpausing", "the old one is gone");
    await to(0, "unpause").answer({ action: { id: 13, status: "failed", outcome: "had no effect: not seen" } });
    expect(at("to-do-unpausing")?.textContent).toContain("had no effect: not seen");
    expect(onDone).not.toHaveBeenCalled();
  });

  it("takes a worker for unpaused whom somebody else has unpaused meanwhile", async () => {
    await open(left());
    click("to-do-unpause");
    write("to-do-unpausing", "gone");
    await to(0, "unpause").answer({ error: "not paused", code: "not_paused" }, 409);
    expect(onDone).toHaveBeenCalledTimes(1);
  });

  it("says that nothing is left once the last of it is done here", async () => {
    const view = await open({ ...NOTHING, instances: [instance()] });
    click("to-do-mark");
    write("to-do-gone", "gone");
    await to(0, "orphans/4/resolve").answer({ orphan: {} });
    view.rerender(shown(idle({ to_do: null })));
    expect(at("to-do-empty")?.textContent).toContain("Nothing is left to do.");
  });

  it("says for what a worker is held that no release has paused", async () => {
    await open({ ...NOTHING, pause: { action: null, orphan: 9 } });
    expect(at("to-do-pause")?.textContent).toContain("paused, for the instance of entry 9");
  });
});
