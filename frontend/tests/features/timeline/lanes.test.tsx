// @vitest-environment jsdom
import { fireEvent, render, screen } from "@testing-library/react";
import React from "react";
import "../../page";
import { MemoryRouter } from "react-router-dom";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LanePhase, Worker } from "../../../src/contract/types";
import { LaneChart } from "../../../src/features/timeline/LaneChart";
import { LANE } from "../../../src/features/timeline/paint";
import { keyOf } from "../../../src/model/key";
import { ready } from "../../../src/model/lanes";
import { NOW, idle } from "../../situations";

/* jsdom lays nothing out: the canvas is at 0,0 and 716 pixels wide, a lane every LANE pixels. */
const SPAN = { since: NOW - 716, until: NOW };
const x = (at: number) => at - SPAN.since;
const y = (lane: number) => lane * LANE + LANE / 2;

const worker = (workerid: number, name: string) => idle({ workerid, name });
const [ann, bob, eve] = [worker(1, "ann"), worker(2, "bob"), worker(3, "eve")];

/** Each worker's episode has the number of the worker, times ten. */
const episodeOf = (workerid: number, phases: LanePhase[]) =>
  ready(
    { workerid, worker: "", masterid: 1, episodes: [{ id: workerid * 10, outcome: null, phases, builds: [] }] },
    [],
  );
const lanes = new Map(
  [ann, bob, eve].map((worker) => [
    keyOf(worker),
    episodeOf(worker.workerid, [
      ["substantiating_starting", NOW - 600, NOW - 500],
      ["substantiated", NOW - 500, NOW - 100],
    ]),
  ]),
);

const onOpen = vi.fn();
const chart = (workers: readonly Worker[], known = lanes) => (
  <MemoryRouter>
    <LaneChart workers={workers} lanes={known} masterMarks={[]} span={SPAN} onSpan={vi.fn()} onOpen={onOpen} />
  </MemoryRouter>
);
const canvas = () => document.querySelector(".bbl-chart-canvas") as HTMLCanvasElement;
const tip = () => document.querySelector<HTMLElement>("[data-test=lane-tip]");
const outline = () => document.querySelector<HTMLElement>(".bbl-chart-outline");
const said = () => screen.getByRole("status").textContent;
/** jsdom's own pointer events have no place. */
const point = (type: "pointermove" | "pointerdown" | "pointerup", lane: number, at: number) =>
  fireEvent(canvas(), new MouseEvent(type, { clientX: x(at), clientY: y(lane), button: 0, bubbles: true }));
const click = (lane: number, at: number) => {
  point("pointerdown", lane, at);
  point("pointerup", lane, at);
};
const press = (key: string) => fireEvent.keyDown(screen.getByRole("application"), { key });

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW * 1000);
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  onOpen.mockClear();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("a tip over lanes that change places", () => {
  it("goes on naming the worker of its bar, and goes along with it", () => {
    const { rerender } = render(chart([ann, bob]));
    point("pointermove", 0, NOW - 300);
    expect(tip()?.textContent).toMatch(/^ann.*episode 10/);
    const before = parseFloat(outline()?.style.top ?? "");
    rerender(chart([bob, ann]));
    expect(tip()?.textContent).toMatch(/^ann.*episode 10/);
    expect(parseFloat(outline()?.style.top ?? "")).toBe(before + LANE);
  });
  it("opens by a click what it names, and nothing else", () => {
    const { rerender } = render(chart([ann, bob]));
    point("pointermove", 0, NOW - 300);
    rerender(chart([bob, ann]));
    // The mouse has not moved, and bob's bar is under it by now.
    click(0, NOW - 300);
    expect(onOpen).not.toHaveBeenCalled();
    expect(tip()?.textContent).toMatch(/^bob.*episode 20/);
    click(0, NOW - 300);
    expect(onOpen).toHaveBeenCalledExactlyOnceWith(20);
  });
  it("opens nothing by a click in the midst of which they change", () => {
    const { rerender } = render(chart([ann, bob]));
    point("pointermove", 0, NOW - 300);
    point("pointerdown", 0, NOW - 300);
    rerender(chart([bob, ann]));
    point("pointerup", 0, NOW - 300);
    expect(onOpen).not.toHaveBeenCalled();
  });
  it("opens by a finger, which points at nothing before", () => {
    render(chart([ann, bob]));
    click(1, NOW - 300);
    expect(onOpen).toHaveBeenCalledExactlyOnceWith(20);
  });
  it("goes with its worker", () => {
    const { rerender } = render(chart([ann, bob]));
    point("pointermove", 0, NOW - 300);
    rerender(chart([bob]));
    expect(tip()).toBeNull();
  });
  it("says of a bar that has ended meanwhile that it has", () => {
    const open = new Map([["1@1", episodeOf(1, [["substantiated", NOW - 500, null]])]]);
    const { rerender } = render(chart([ann], open));
    point("pointermove", 0, NOW - 300);
    expect(tip()?.textContent).toContain("and goes on");
    rerender(chart([ann], new Map([["1@1", episodeOf(1, [["substantiated", NOW - 500, NOW - 90]])]])));
    expect(tip()?.textContent).toContain("substantiated, 6 min 50 s");
    expect(tip()?.textContent).not.toContain("and goes on");
  });
});

describe("the keyboard's cursor in lanes that change places", () => {
  it("stays on its worker and episode", () => {
    const { rerender } = render(chart([ann, bob]));
    press("ArrowDown");
    expect(said()).toMatch(/^ann: substantiated.*episode 10/);
    rerender(chart([bob, ann]));
    expect(said()).toMatch(/^ann: substantiated.*episode 10/);
    press("Enter");
    expect(onOpen).toHaveBeenCalledExactlyOnceWith(10);
  });
  it("goes on from where its worker is by now", () => {
    const { rerender } = render(chart([ann, bob, eve]));
    press("ArrowDown");
    rerender(chart([bob, ann, eve]));
    press("ArrowDown");
    expect(said()).toMatch(/^eve: /);
    press("ArrowUp");
    press("ArrowLeft");
    expect(said()).toMatch(/^ann: substantiating, starting/);
  });
  it("opens nothing once its worker is gone, and begins anew", () => {
    const { rerender } = render(chart([ann, bob]));
    press("ArrowDown");
    rerender(chart([bob]));
    expect(said()).toBe("");
    press("Enter");
    expect(onOpen).not.toHaveBeenCalled();
    press("ArrowDown");
    expect(said()).toMatch(/^bob: /);
  });
});
