// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Action, Worker } from "../../../src/contract/types";
import { ForceCourse, type One } from "../../../src/features/force/course";
import { outcomes } from "../../../src/server/outcomes";
import { asked, pass, serve, to } from "../../asked";
import { meta, NOW, plan, stopHangs } from "../../situations";

vi.mock("../../../src/server/live", () => ({ feed: { listen: () => () => undefined, reportCost: () => undefined } }));

let force: ForceCourse;
let leave: () => void = () => undefined;

function begin(...workers: Worker[]) {
  force = new ForceCourse(workers);
  leave = force.subscribe(() => undefined);
}
const one = (index = 0) => force.getState().ones[index] as One;
const several = (count: number) =>
  Array.from({ length: count }, (_, at) => stopHangs({ workerid: at + 1, name: `ec2-${at + 1}`, episode: at + 11 }));
const FREED = 90;
const action = (workerid: number, finished_at: number | null = NOW) =>
  ({
    id: FREED + workerid,
    workerid,
    masterid: 1,
    finished_at,
    status: finished_at === null ? "asked" : "done",
  }) as Action;

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW * 1000);
  serve();
});
afterEach(() => {
  leave();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a late dry run", () => {
  it("does not overwrite what was found under other wishes", async () => {
    begin(stopHangs());
    force.wish({ pause: true });
    await to(1).answer({ dry_run: plan({ warnings: ["with a pause"] }) });
    await to(0).answer({ dry_run: plan({ warnings: ["without"] }) });
    expect(one().plan?.warnings).toEqual(["with a pause"]);
    expect(one().looking).toBe(false);
  });
  it("is not shown either while the one under other wishes has not come", async () => {
    begin(stopHangs());
    force.wish({ pause: true });
    await to(0).answer({ dry_run: plan({ warnings: ["without"] }) });
    expect(one()).toMatchObject({ plan: null, looking: true });
  });
  it("does not make a failure of one that came", async () => {
    begin(stopHangs());
    force.wish({ pause: true });
    await to(1).answer({ dry_run: plan() });
    await to(0).answer({ error: "no", code: "conflict" }, 409);
    expect(one().failure).toBeNull();
  });
  it("does not change a dialog that was closed", async () => {
    begin(stopHangs());
    leave();
    await to(0).answer({ dry_run: plan() });
    expect(one().plan).toBeNull();
  });
});

describe("a new look", () => {
  it("is at the worker as it is by now, without the override that was for what it was before", async () => {
    begin(stopHangs());
    force.wish({ override: true });
    await to(1).answer({ dry_run: plan() });
    force.lookAgain(one().worker);
    await to(2).answer({ workers: [stopHangs({ episode: 18 })], meta: meta() });
    expect(to(3).body).toMatchObject({ episode: 18, override: false, dry_run: true });
    await to(3).answer({ dry_run: plan({ episode: 18 }) });
    expect(one()).toMatchObject({ looking: false, worker: { episode: 18 } });
  });
});

describe("several workers", () => {
  it("are looked at three at a time, and each has its own answer", async () => {
    begin(...several(5));
    expect(asked).toHaveLength(3);
    await to(1).answer({ error: "gone", code: "not_found" }, 404);
    expect(to(3).url).toContain("workers/4/");
    expect(one(1).failure?.status).toBe(404);
    expect(one(0).looking).toBe(true);
  });
  it("are not looked at any further once the dialog was closed", async () => {
    begin(...several(5));
    leave();
    await to(0).answer({ dry_run: plan() });
    expect(asked).toHaveLength(3);
  });
  it("are asked for where they can be done, and one that fails does not keep the others from it", async () => {
    begin(...several(3));
    await to(0).answer({ dry_run: plan({ eligible: false, code: "not_eligible" }) });
    await to(1).answer({ dry_run: plan() });
    await to(2).answer({ dry_run: plan() });
    void force.submit("the cloud is gone");
    const real = () => asked.filter(({ body }) => (body as { dry_run: boolean } | null)?.dry_run === false);
    expect(real().map(({ body }) => (body as { confirm: string }).confirm)).toEqual(["ec2-2", "ec2-3"]);
    await real()[0]?.answer({ error: "not written", code: "behind" }, 503);
    expect(force.getState().sent).toBe("sending");
    await real()[1]?.answer({ action: action(3) });
    expect(force.getState().sent).toBe("sent");
    expect([one(1).failure?.status, one(2).action?.status]).toEqual([503, "done"]);
  });
});

describe("what came of it", () => {
  it("is followed where the master has not answered yet", async () => {
    begin(stopHangs({ workerid: 40 }));
    await to(0).answer({ dry_run: plan() });
    void force.submit("hung");
    await to(1).answer({ action: action(40, null) }, 202);
    await pass(2_000);
    await to(0, "actions/").answer({ actions: [action(40)] });
    expect(one().action?.status).toBe("done");
  });
  it("is kept for the worker's row, also where the dialog has gone by then", async () => {
    begin(stopHangs({ workerid: 41 }));
    await to(0).answer({ dry_run: plan() });
    void force.submit("hung");
    leave();
    await to(1).answer({ action: action(41) });
    expect(outcomes.of({ workerid: 41, masterid: 1 })?.status).toBe("done");
  });
  it("can be answered where one alone was refused: it is not over", async () => {
    begin(stopHangs());
    await to(0).answer({ dry_run: plan() });
    void force.submit("hung");
    await to(1).answer({ error: "not written", code: "behind" }, 503);
    expect(force.getState().sent).toBe("no");
    expect(one()).toMatchObject({ sending: false, failure: { status: 503 } });
  });
});
