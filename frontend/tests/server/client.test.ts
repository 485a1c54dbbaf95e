// @vitest-environment jsdom
import { afterEach, describe, expect, it, vi } from "vitest";
import { dryRun, forceDisconnect, get } from "../../src/server/client";

const answer = (status: number, body: string) => vi.fn(() => Promise.resolve(new Response(body, { status })));

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("a request", () => {
  it("that fails carries the server's sentence, code and details", async () => {
    vi.stubGlobal("fetch", answer(412, JSON.stringify({ error: "Gone on.", code: "episode_changed", episode: 18 })));
    await expect(get("workers")).rejects.toMatchObject({
      status: 412,
      code: "episode_changed",
      message: "Gone on.",
      details: { episode: 18 },
    });
  });
  it("that a proxy answers in HTML says its status", async () => {
    vi.stubGlobal("fetch", answer(502, "<html>Bad gateway</html>"));
    await expect(get("workers")).rejects.toMatchObject({ status: 502, code: "not_json" });
  });
  it("that reaches nobody is told apart from one that was refused", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
    await expect(get("workers")).rejects.toMatchObject({ status: 0, code: "network" });
  });
});

describe("a forced disconnect", () => {
  it("is asked for as JSON, with the episode that was seen, also when there was none", async () => {
    const fetch = answer(200, JSON.stringify({ action: { id: 1 } }));
    vi.stubGlobal("fetch", fetch);
    await forceDisconnect(
      { workerid: 3, masterid: 2 },
      { episode: null, pause: true, override: false, confirm: "ec2-3", reason: "hung" },
    );
    const [url, init] = fetch.mock.calls[0] as unknown as [string, RequestInit];
    expect(url).toMatch(/workers\/3\/force-disconnect\?masterid=2$/);
    expect(init.headers).toMatchObject({ "Content-Type": "application/json" });
    expect(JSON.parse(init.body as string)).toEqual({
      episode: null,
      pause: true,
      override: false,
      confirm: "ec2-3",
      reason: "hung",
      dry_run: false,
    });
  });
  it("is not answered yet when the status is 202", async () => {
    vi.stubGlobal("fetch", answer(202, JSON.stringify({ action: { id: 1 } })));
    const result = await forceDisconnect(
      { workerid: 3, masterid: 2 },
      { episode: 1, pause: true, override: false, confirm: "x", reason: "y" },
    );
    expect(result.answered).toBe(false);
  });
  it("is looked at without a word on the pause, so that the configured one shows", async () => {
    const fetch = answer(200, JSON.stringify({ dry_run: {} }));
    vi.stubGlobal("fetch", fetch);
    await dryRun({ workerid: 3, masterid: 2 }, { episode: 17, pause: null, override: false });
    const [, init] = fetch.mock.calls[0] as unknown as [string, RequestInit];
    expect(JSON.parse(init.body as string)).toEqual({ episode: 17, override: false, dry_run: true });
  });
});
