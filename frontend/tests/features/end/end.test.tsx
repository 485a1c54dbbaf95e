// @vitest-environment jsdom
import { fireEvent, render } from "@testing-library/react";
import React from "react";
import "../../page";
import { MemoryRouter } from "react-router-dom";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EndDialog } from "../../../src/features/end/EndDialog";
import { asked, pass, serve, to } from "../../asked";
import { NOW, nobodys } from "../../situations";

const at = (name: string) => document.querySelector<HTMLElement>(`[data-test="${name}"]`);
const step = (step: string, text: string, done: boolean | null = null) => ({
  step,
  target: "",
  text,
  done,
  detail: null,
});
const plan = (change: object = {}) => ({
  dry_run: {
    eligible: true,
    why_not: null,
    code: null,
    steps: [step("end_instance", "Ask the cloud to end i-0bb"), step("verify_gone", "Ask until it is gone")],
    warnings: ["What is on the instance is lost with it."],
    ...change,
  },
});
const action = (change: object = {}) => ({
  action: {
    id: 9,
    workerid: 1,
    worker: "ec2-1",
    actor: "amber",
    actor_kind: "user",
    status: "asked",
    finished_at: null,
    outcome: null,
    steps: [step("end_instance", "Ask the cloud to end i-0bb", true), step("verify_gone", "Ask until it is gone")],
    ...change,
  },
});
const OVER = { status: "done", finished_at: NOW, outcome: "The cloud does not have it any more." };

const open = async () => {
  render(
    <MemoryRouter>
      <EndDialog instance={nobodys()} onClose={() => undefined} />
    </MemoryRouter>,
  );
  await pass(0);
};
const submit = async (name = "i-0bb", reason = "runs for nobody") => {
  fireEvent.change(at("end-name") as HTMLInputElement, { target: { value: name } });
  fireEvent.change(at("end-reason") as HTMLInputElement, { target: { value: reason } });
  fireEvent.submit(at("end-name")?.closest("form") as HTMLFormElement);
  await pass(0);
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW * 1000);
  serve();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the end of an instance", () => {
  it("shows the danger and the steps before it asks for the name", async () => {
    await open();
    expect(at("end-submit")).toBeNull();
    await to(0, "instances/1-00bb/end").answer(plan());
    expect(at("end-danger")?.textContent).toContain("What is on the instance is lost");
    expect(at("end-dialog")?.textContent).toContain("Ask the cloud to end i-0bb");
    expect(asked.map(({ body }) => body)).toEqual([{ dry_run: true }]);
  });
  it("sends nothing without the instance's own name and a reason", async () => {
    await open();
    await to(0).answer(plan());
    await submit("i-0aa");
    await submit("i-0bb", " ");
    expect(asked).toHaveLength(1);
    expect(document.activeElement).toBe(at("end-reason"));
  });
  it("says that it is gone when that was verified", async () => {
    await open();
    await to(0).answer(plan());
    await submit();
    expect(to(1).body).toEqual({ confirm: "i-0bb", reason: "runs for nobody", dry_run: false });
    await to(1).answer(action(OVER));
    expect(at("end-outcome")?.dataset.status).toBe("done");
    expect(at("end-outcome")?.textContent).toContain("Gone");
    expect(at("end-waiting")).toBeNull();
  });
  it("does not count as gone what was only accepted, and follows it until it is", async () => {
    await open();
    await to(0).answer(plan());
    await submit();
    await to(1).answer(action(), 202);
    expect(at("end-outcome")?.textContent).toContain("Accepted; not yet seen gone");
    await pass(2_000);
    await to(0, "actions/9").answer({ error: "away", code: "internal" }, 500);
    await pass(2_000);
    await to(1, "actions/9").answer({ actions: [action(OVER).action] });
    expect(at("end-outcome")?.dataset.status).toBe("done");
    await pass(60_000);
    expect(asked.filter(({ url }) => url.includes("actions/9"))).toHaveLength(2);
  });
  it("of a healthy worker's is not offered, and says why", async () => {
    await open();
    await to(0).answer(plan({ eligible: false, code: "healthy", why_not: "ec2-1 uses i-0bb, and is healthy" }));
    expect(at("end-why-not")?.textContent).toContain("ec2-1 uses i-0bb");
    expect(at("end-submit")).toBeNull();
  });
  it("explains a refusal, and looks again where that can help", async () => {
    await open();
    await to(0).answer(plan());
    await submit();
    await to(1).answer({ error: "ec2-1 is starting it", code: "starting" }, 409);
    expect(at("end-refusal")?.textContent).toContain("Nothing was done");
    expect(at("end-submit")).toBeNull();
    fireEvent.click(at("end-reload") as HTMLElement);
    await to(2).answer(plan());
    expect(at("end-submit")).not.toBeNull();
  });
  it("is over for who is not logged in before anything was typed", async () => {
    await open();
    await to(0).answer({ error: "log in first", code: "unauthenticated" }, 401);
    expect(at("end-refusal")?.textContent).toContain("Not logged in");
    expect(at("end-name")).toBeNull();
  });
});
