// @vitest-environment jsdom
import { act, render, screen, waitFor } from "@testing-library/react";
import React from "react";
import "../../page";
import { MemoryRouter } from "react-router-dom";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Boundary } from "../../../src/ui/Boundary";
import type { Worker } from "../../../src/contract/types";
import { idle, meta, stopHangs } from "../../situations";

class RefusedSocket {
  onclose: (() => void) | null = null;
  constructor() {
    setTimeout(() => this.onclose?.(), 0);
  }
  close() {
    // Nothing was open.
  }
}

/** The page with a server that gives this answer; its stores are made anew. */
async function openPage(status: number, body: unknown, address = "/lifecycle") {
  vi.resetModules();
  vi.stubGlobal("WebSocket", RefusedSocket);
  vi.stubGlobal("scrollTo", () => undefined);
  vi.stubGlobal("fetch", (url: string) => {
    if (url.includes("/shutdown")) return Promise.resolve(new Response(JSON.stringify({ shutdown: [] })));
    if (url.includes("/orphans")) return Promise.resolve(new Response(JSON.stringify({ orphans: [] })));
    return Promise.resolve(new Response(JSON.stringify(body), { status }));
  });
  const { Overview } = await import("../../../src/features/workers/Overview");
  render(
    <MemoryRouter initialEntries={[address]}>
      <Overview />
    </MemoryRouter>,
  );
}

const workers = (...list: Worker[]) => ({ workers: list, meta: meta({ total: list.length }) });
const at = (name: string) => document.querySelector<HTMLElement>(`[data-test="${name}"]`);
const until = async (name: string) => {
  await waitFor(() => {
    expect(at(name)).not.toBeNull();
  });
  return at(name)?.textContent ?? "";
};

beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});
afterEach(async () => {
  await act(async () => {
    await Promise.resolve();
  });
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("the page of latent workers", () => {
  it("says how many are stuck", async () => {
    await openPage(200, workers(stopHangs(), idle()));
    expect(await until("health-line")).toContain("1 of 2 latent workers is stuck");
  });
  it("says what a latent worker is where there is none", async () => {
    await openPage(200, workers());
    expect(await until("empty")).toContain("c['workers']");
  });
  it("says that it may not be read, and who can grant it", async () => {
    await openPage(403, { error: "Not for you.", code: "forbidden" });
    expect(await until("failed")).toContain("Not for you. An administrator can grant it");
  });
  it("says which line is missing when the recorder does not run", async () => {
    await openPage(503, { error: "not configured: add util.LifecycleService()", code: "not_ready" });
    expect(await until("failed")).toContain("util.LifecycleService()");
  });
  it("offers to clear a filter that nothing matches", async () => {
    await openPage(200, workers(idle()), "/lifecycle?q=nobody");
    expect(await until("no-match")).toContain("Clear the filter");
    expect(at("shown")?.textContent).toBe("0 of 1 worker");
  });
  it("says that it polls when the websocket was refused", async () => {
    await openPage(200, workers(idle()));
    await waitFor(() => {
      expect(at("live-state")?.textContent).toContain("polling every 5 s since");
    });
  });
  it("says that the recorder is behind", async () => {
    const long_ago = Date.now() / 1000 - 100;
    await openPage(200, {
      workers: [idle()],
      meta: meta({ now: Date.now() / 1000, behind: { events: 7, since: long_ago } }),
    });
    expect(await until("behind")).toContain("7 events not written yet");
  });
});

describe("a fault in the plugin", () => {
  it("is kept from the rest of Buildbot, and can be reported", () => {
    const quiet = (event: Event) => {
      event.preventDefault();
    };
    window.addEventListener("error", quiet);
    const Faulty = (): React.JSX.Element => {
      throw new Error("kaput");
    };
    render(
      <Boundary>
        <Faulty />
      </Boundary>,
    );
    expect(screen.getByRole("alert").textContent).toContain("kaput");
    window.removeEventListener("error", quiet);
  });
});
