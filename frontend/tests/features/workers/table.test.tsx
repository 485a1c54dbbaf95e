// @vitest-environment jsdom
import { act, cleanup, render, screen } from "@testing-library/react";
import React from "react";
import "../../page";
import { MemoryRouter } from "react-router-dom";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WorkerTable } from "../../../src/features/workers/WorkerTable";
import { DEFAULT_VIEW } from "../../../src/model/arrange";
import type { Worker } from "../../../src/contract/types";
import { WorkerRow } from "../../../src/features/workers/WorkerRow";
import { idle, meta, NOW, verdict } from "../../situations";

/* A table of more rows than are in the page at once. jsdom lays out nothing: where the list begins is said here. */

const ROWS = Array.from({ length: 400 }, (_, at) => idle({ workerid: at + 1, name: `ec2-${at + 1}` }));
let top = 0;

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW * 1000);
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify({ recent: [] }))));
  top = 0;
  vi.spyOn(HTMLElement.prototype, "getBoundingClientRect").mockImplementation(() => ({ top }) as DOMRect);
  render(
    <MemoryRouter>
      <WorkerTable
        rows={ROWS}
        meta={meta()}
        view={DEFAULT_VIEW}
        onView={() => undefined}
        onForce={() => undefined}
        selection={new Set()}
        onSelect={null}
      />
    </MemoryRouter>,
  );
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const row = (name: string) => document.querySelector<HTMLElement>(`[data-worker="${name}"]`);
const scrollTo = (y: number) => {
  top = -y;
  act(() => {
    window.dispatchEvent(new Event("scroll"));
    vi.advanceTimersByTime(1_000);
  });
};

describe("a long table", () => {
  it("has the rows that are in sight, and not those far away", () => {
    scrollTo(9_800);
    expect(row("ec2-201")).not.toBeNull();
    expect(row("ec2-1")).toBeNull();
    expect(row("ec2-400")).toBeNull();
  });
  it.each([
    ["above", "ec2-2", 0, 9_800],
    ["below", "ec2-201", 9_800, 0],
  ])("keeps the row with the focus when it is %s what is in sight", (_, name, from, to) => {
    scrollTo(from);
    const link = screen.getByRole("link", { name });
    act(() => {
      link.focus();
    });
    scrollTo(to);
    expect(row(name)?.contains(document.activeElement)).toBe(true);
    expect(document.activeElement).toBe(link);
    act(() => {
      link.blur();
    });
    scrollTo(to);
    expect(row(name)).toBeNull();
  });
});

describe("a row", () => {
  const told = (change: Partial<Worker>) => {
    cleanup();
    render(
      <MemoryRouter>
        <table>
          <tbody>
            <WorkerRow
              worker={idle({ quarantined_until: NOW + 60, ...change })}
              index={0}
              meta={meta()}
              showMaster={false}
              selected={false}
              onSelect={null}
              onForce={() => undefined}
            />
          </tbody>
        </table>
      </MemoryRouter>,
    );
    return document.querySelector("tbody")?.textContent ?? "";
  };
  const TOLD = /starts no build on it/g;
  it("tells a quarantine once, where the reason tells it as well", () => {
    const reason = "the last start failed 5 s ago; in quarantine: Buildbot starts no build on it for 55 s";
    const failed = verdict({ level: "failed", code: "start_failed", reason });
    expect(told({ verdict: failed }).match(TOLD)).toHaveLength(1);
  });
  it("tells a quarantine that the reason does not, with its end", () => {
    const slow = verdict({ level: "slow", code: "start_slow", reason: "The start takes long." });
    expect(told({ verdict: slow }).match(TOLD)).toHaveLength(1);
    const resting = verdict({ code: "quarantined", reason: "in quarantine: Buildbot starts no build on it for 55 s" });
    expect(told({ verdict: resting }).match(TOLD)).toHaveLength(1);
  });
});
