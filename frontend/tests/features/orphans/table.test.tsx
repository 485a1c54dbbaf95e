// @vitest-environment jsdom
import { fireEvent, render } from "@testing-library/react";
import React from "react";
import "../../page";
import { MemoryRouter } from "react-router-dom";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Orphan } from "../../../src/contract/types";
import { OrphanTable } from "../../../src/features/orphans/OrphanTable";
import { asked, pass, serve, to } from "../../asked";
import { NOW } from "../../situations";
import { FakeSocket } from "../../socket";

const at = (name: string) => document.querySelector<HTMLElement>(`[data-test="${name}"]`);
const all = (name: string) => [...document.querySelectorAll<HTMLElement>(`[data-test="${name}"]`)];
const entry = (id: number, change: Partial<Orphan> = {}): Orphan => ({
  id,
  workerid: 1,
  worker: "ec2-1",
  masterid: 1,
  episode: 17,
  instance: `i-${id}`,
  opened_at: NOW - id * 60,
  why: "its stop failed",
  closed_at: null,
  closed_by: null,
  note: null,
  proof: null,
  ...change,
});
const closed = () => entry(4, { closed_at: NOW, closed_by: "amber", note: "gone" });
const onClosed = vi.fn();
const open = (orphans: Orphan[], grouped = false) =>
  render(
    <MemoryRouter>
      <OrphanTable orphans={orphans} grouped={grouped} onClosed={onClosed} />
    </MemoryRouter>,
  );
const close = async (note: string) => {
  fireEvent.change(at("orphan-note") as HTMLInputElement, { target: { value: note } });
  fireEvent.submit(at("orphan-note")?.closest("form") as HTMLFormElement);
  await pass(0);
};
const resolved = () => asked.filter(({ url }) => url.includes("/resolve"));

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW * 1000);
  vi.stubGlobal("WebSocket", FakeSocket);
  onClosed.mockClear();
  serve();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the orphans as a table", () => {
  it("has the instance to copy, and the way to end it", () => {
    open([entry(1), entry(2, { instance: null })]);
    expect(all("copy")).toHaveLength(1);
    expect(all("orphan-end").map((link) => link.getAttribute("href"))).toEqual(["/lifecycle/instances?entry=1"]);
    expect(all("orphan")[1]?.textContent).toContain("name not known");
  });
  it("closes several with one note, says so, and keeps the focus", async () => {
    open([entry(1), entry(2), entry(3), closed()]);
    fireEvent.click(at("select-many") as HTMLElement);
    expect(at("selected")?.textContent).toBe("3 entries selected");
    fireEvent.click(all("select")[2] as HTMLElement);
    await close("  ");
    expect(resolved()).toHaveLength(0);
    await close("all of it was terminated");
    expect(resolved().map(({ url, body }) => [url.split("/").at(-2), body])).toEqual([
      ["1", { note: "all of it was terminated" }],
      ["2", { note: "all of it was terminated" }],
    ]);
    await to(0, "resolve").answer({ orphan: entry(1) });
    await to(1, "resolve").answer({ orphan: entry(2) });
    expect(at("orphans-said")?.textContent).toContain("2 entries closed.");
    expect(document.activeElement).toBe(at("orphans-said"));
    expect(onClosed).toHaveBeenCalledOnce();
    expect(at("selected")?.textContent).toBe("");
  });
  it("keeps those selected that could not be closed, with the note and the reason", async () => {
    open([entry(1), entry(2), entry(3)]);
    fireEvent.click(at("select-many") as HTMLElement);
    await close("gone");
    await to(0, "resolve").answer({ orphan: entry(1) });
    await to(1, "resolve").answer({ error: "closed before", code: "already_closed" }, 409);
    await to(2, "resolve").answer({ error: "not written", code: "behind" }, 503);
    expect(at("orphans-said")?.textContent).toContain(
      "1 entry closed; 1 entry had been closed before; 1 entry not closed: not written.",
    );
    expect(at("selected")?.textContent).toBe("1 entry selected");
    expect((at("orphan-note") as HTMLInputElement).value).toBe("gone");
  });
  it("leads from one row to the note for it alone", async () => {
    open([entry(1), entry(2)]);
    fireEvent.click(all("orphan-mark")[1] as HTMLElement);
    await pass(20);
    expect(document.activeElement).toBe(at("orphan-note"));
    expect((all("select") as HTMLInputElement[]).map((box) => box.checked)).toEqual([false, true]);
  });
  it("groups by worker, each with a box for all of its open entries", () => {
    open(
      [entry(1, { workerid: 2, worker: "ec2-10" }), entry(2), closed(), entry(3, { workerid: 2, worker: "ec2-10" })],
      true,
    );
    expect(all("orphan-group").map(({ dataset }) => dataset.worker)).toEqual(["ec2-1", "ec2-10"]);
    expect(all("orphan").map(({ dataset }) => dataset.orphan)).toEqual(["4", "2", "3", "1"]);
    const [, , second] = all("select-many");
    fireEvent.click(second as HTMLElement);
    expect(at("selected")?.textContent).toBe("2 entries selected");
  });
  it("says how what is closed was closed, and offers no box for it", () => {
    open([closed()]);
    expect(all("select")).toEqual([]);
    expect(at("orphan")?.textContent).toContain("by amber: gone");
  });
});
