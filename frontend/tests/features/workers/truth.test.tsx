// @vitest-environment jsdom
import { act, render } from "@testing-library/react";
import React from "react";
import "../../page";
import { MemoryRouter } from "react-router-dom";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Blocker, MasterStop, Orphan } from "../../../src/contract/types";
import { NOW, idle, meta, stopHangs } from "../../situations";

/* What the page says while the master does not answer, and where a list is longer than what was asked for. The clock is
   the test's; the server is one that stops to answer when it is told to. */

class RefusedSocket {
  onclose: (() => void) | null = null;
  constructor() {
    setTimeout(() => this.onclose?.(), 0);
  }
  close() {
    // Nothing was open.
  }
}

const orphan = (id: number): Orphan => ({
  id,
  workerid: 1,
  worker: "ec2-1",
  masterid: 1,
  episode: null,
  instance: `i-${id}`,
  place: null,
  opened_at: NOW - 500,
  why: "released",
  closed_at: null,
  closed_by: null,
  note: null,
  proof: null,
});
const blocker = (change: Partial<Blocker> = {}): Blocker => ({
  workerid: 3,
  worker: "ec2-3",
  what: "stop_instance",
  since: NOW - 40,
  releasable: true,
  release_in_s: 11,
  text: "stop_instance has not ended",
  ...change,
});
const stop = (change: Partial<MasterStop> = {}): MasterStop => ({
  masterid: 1,
  master: "ci",
  live: true,
  stopping_since: null,
  instances_up: 0,
  usual_stop_s: null,
  usual_unknown: 0,
  blockers: [blocker()],
  ...change,
});

/** As the master tells it later on: while it is stopping, so much less is left. */
const later = (told: MasterStop): MasterStop => {
  const gone = told.stopping_since === null ? 0 : Date.now() / 1000 - NOW;
  const left = (seconds: number | null) => (seconds === null ? null : seconds - gone);
  return { ...told, blockers: told.blockers.map((each) => ({ ...each, release_in_s: left(each.release_in_s) })) };
};

type Mode = "answers" | "refuses" | "hangs";
let mode: Mode = "answers";
let stops: MasterStop[] = [];
let orphans = { orphans: [] as Orphan[], meta: { next: null as string | null, open: 0 } };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  vi.setSystemTime(NOW * 1000);
  vi.resetModules();
  mode = "answers";
  stops = [stop()];
  orphans = { orphans: [], meta: { next: null, open: 0 } };
  vi.stubGlobal("WebSocket", RefusedSocket);
  vi.stubGlobal("scrollTo", () => undefined);
  vi.stubGlobal("fetch", (url: string) => {
    if (mode === "refuses") return Promise.reject(new TypeError("refused"));
    if (mode === "hangs") return new Promise(() => undefined);
    const now = Date.now() / 1000;
    const body = url.includes("/shutdown")
      ? { shutdown: stops.map(later), meta: { total: 1, now } }
      : url.includes("/orphans")
        ? orphans
        : url.includes("/recent")
          ? { recent: [] }
          : {
              workers: [idle({ state_since: NOW - 10, updated_at: now }), stopHangs({ updated_at: now })],
              meta: meta({ total: 2, now }),
            };
    return Promise.resolve(new Response(JSON.stringify(body)));
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const seconds = (n: number) =>
  act(async () => {
    // In steps, so that what an answer sets going is waited for as well.
    for (let step = 0; step < n * 4; step++) await vi.advanceTimersByTimeAsync(250);
  });
async function open(view: "Overview" | "StopPage" | "OrphansPage") {
  const views = {
    Overview: () => import("../../../src/features/workers/Overview").then((found) => found.Overview),
    StopPage: () => import("../../../src/features/stop/StopPage").then((found) => found.StopPage),
    OrphansPage: () => import("../../../src/features/orphans/OrphansPage").then((found) => found.OrphansPage),
  };
  const View = await views[view]();
  render(
    <MemoryRouter initialEntries={["/lifecycle"]}>
      <View />
    </MemoryRouter>,
  );
  await seconds(1);
}
const at = (name: string) => document.querySelector<HTMLElement>(`[data-test="${name}"]`);
const ages = () => [...document.querySelectorAll("[data-worker='ec2-1'] .bbl-c-for")].map((cell) => cell.textContent);
const tab = (name: string) =>
  [...document.querySelectorAll("[data-test=tabs] a")].find((link) => link.textContent.startsWith(name))?.textContent;

describe("a page whose master does not answer", () => {
  it("tells ages as of the last answer", async () => {
    await open("Overview");
    expect(ages()).toEqual(["11 s"]);
    mode = "refuses";
    await seconds(100);
    // The first answer came at once, and no other was due before the master was gone.
    expect(ages()).toEqual(["10 s"]);
    expect(at("stale")?.textContent).toContain("does not answer");
    mode = "answers";
    await seconds(7);
    expect(at("stale")).toBeNull();
    expect(Number(ages()[0]?.match(/(\d+) s$/)?.[1])).toBeGreaterThanOrEqual(46);
  });
  it("says nothing of the stop, and of the workers how it was", async () => {
    await open("Overview");
    expect(at("health-line")?.textContent).toContain("1 of 2 latent workers is stuck; stopping the master now");
    mode = "refuses";
    await seconds(10);
    expect(at("health-line")?.textContent).toMatch(/^\s*Not known now\. At .*, 1 of 2 latent workers was stuck\.$/);
    expect(at("blockers-unknown")).not.toBeNull();
    expect(tab("What blocks")).toBe("What blocks the stop");
  });
  it("is told as such when the question is open for long, not only when it was refused", async () => {
    await open("Overview");
    mode = "hangs";
    await seconds(12);
    expect(at("stale")?.textContent).toContain("has not answered for 5 s");
    expect(ages()).toEqual(["10 s"]);
  });
  it("does not tell when the stop releases what", async () => {
    await open("StopPage");
    expect(at("blocker")?.textContent).toContain("it is released by itself after 11 s");
    mode = "refuses";
    await seconds(10);
    expect(at("stop")?.dataset.level).toBe("unknown");
    expect(at("stop")?.textContent).toContain("Not known now");
    expect(at("blocker")?.textContent).not.toContain("released");
    expect(at("stale")).not.toBeNull();
  });
});

describe("what blocks the stop", () => {
  it("counts down while the master is stopping", async () => {
    stops = [stop({ stopping_since: NOW - 4 })];
    await open("StopPage");
    expect(at("blocker")?.textContent).toContain("It is released in 10 s");
    expect(at("stop")?.textContent).toContain("the stop takes up to 10 s more");
    await seconds(2);
    expect(at("blocker")?.textContent).toMatch(/It is released in [89] s/);
  });
  it("is counted in the tab as it is listed: what is let go at once stands apart", async () => {
    const refused = blocker({ workerid: 8, worker: "back", what: "refused_connection", release_in_s: 0, text: "held" });
    stops = [stop({ blockers: [blocker(), refused] })];
    await open("StopPage");
    expect(tab("What blocks")).toBe("What blocks the stop 1");
    expect(at("stop")?.textContent).toContain("1 thing more that a stop lets go of at once:");
  });
  it("keeps the focus on its worker when the list changes its order", async () => {
    stops = [stop({ blockers: [blocker(), blocker({ workerid: 4, worker: "ec2-4" })] })];
    await open("StopPage");
    const link = document.querySelector<HTMLElement>("[data-test=blocker][data-worker='ec2-4'] a");
    link?.focus();
    stops = [stop({ blockers: [blocker(), blocker({ workerid: 4, worker: "ec2-4", releasable: false })] })];
    await seconds(8);
    expect(at("blocker")?.dataset.worker).toBe("ec2-4");
    expect(document.activeElement?.textContent).toBe("ec2-4");
  });
});

describe("more open orphans than are listed", () => {
  beforeEach(() => {
    orphans = {
      orphans: Array.from({ length: 200 }, (_, index) => orphan(300 - index)),
      meta: { next: "/x?before=101", open: 1237 },
    };
  });
  it("are told with their number, in the panel and in the tab", async () => {
    await open("Overview");
    expect(at("orphans")?.textContent).toContain("1,237 instances may still run");
    expect(tab("Orphans")).toBe("Orphans 1,237");
  });
  it("are not told as so many by an older server, which does not count them", async () => {
    Reflect.deleteProperty(orphans.meta, "open");
    await open("Overview");
    expect(at("orphans")?.textContent).toContain("Instances may still run");
    expect(tab("Orphans")).toBe("Orphans");
  });
  it("are all fetched, page after page, and told with the same number above their list", async () => {
    const rest = { orphans: [orphan(100)], meta: { next: null, open: 1237 } };
    const first = orphans;
    vi.stubGlobal(
      "fetch",
      answering((url) => (url.includes("before=") ? rest : first)),
    );
    await open("OrphansPage");
    expect(at("ledger-open")?.textContent).toBe("1,237 entries of the whole ledger are open. 201 entries match.");
  });
});

/** The usual server, with another answer for the orphans. */
const answering = (ledger: (url: string) => unknown) => {
  const usual = fetch;
  return (url: string, init: RequestInit) =>
    url.includes("/orphans") ? Promise.resolve(new Response(JSON.stringify(ledger(url)))) : usual(url, init);
};
