// @vitest-environment jsdom
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import React from "react";
import "../../page";
import { MemoryRouter } from "react-router-dom";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { DryRun } from "../../../src/contract/types";
import { ForceButton } from "../../../src/features/force/ForceButton";
import { ForceDialog } from "../../../src/features/force/ForceDialog";
import { building, meta, plan, stopHangs, stopping } from "../../situations";

interface Body {
  dry_run: boolean;
  override: boolean;
  pause?: boolean;
}
type Reply = [status: number, body: unknown];

/** A server that plans as told, and answers the real request as told. */
function serve(dry: (body: Body) => Partial<DryRun>, real: Reply = [200, {}]) {
  const asked: Body[] = [];
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    if (!url.includes("force-disconnect")) {
      return Promise.resolve(new Response(JSON.stringify({ workers: [stopHangs({ episode: 18 })], meta: meta() })));
    }
    const body = JSON.parse(init.body as string) as Body;
    asked.push(body);
    const [status, answer]: Reply = body.dry_run ? [200, { dry_run: plan(dry(body)) }] : real;
    return Promise.resolve(new Response(JSON.stringify(answer), { status }));
  });
  return asked;
}

const at = (name: string) => document.querySelector<HTMLElement>(`[data-test="${name}"]`);
const field = (name: string, value: string) => {
  fireEvent.change(at(name) as HTMLInputElement, { target: { value } });
};
const open = (worker = stopHangs(), onClose = vi.fn()) =>
  render(
    <MemoryRouter>
      <ForceDialog workers={[worker]} onClose={onClose} />
    </MemoryRouter>,
  );

async function submit() {
  await waitFor(() => {
    expect(at("force-submit")).not.toBeNull();
  });
  field("force-name", "ec2-3");
  field("force-reason", "hung since noon");
  fireEvent.submit(at("force-name")?.closest("form") as HTMLFormElement);
}

beforeEach(() => {
  // The table behind the dialog is not part of these tests.
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("the dialog of a forced disconnect", () => {
  it("shows what would be done and its dangers before it asks for anything", async () => {
    serve(() => ({}));
    open();
    expect(await screen.findByText("End the wait for stop_instance")).toBeTruthy();
    expect(at("force-warnings")?.textContent).toContain("may run on and cost money");
    expect(screen.getByText("This does not stop the instance")).toBeTruthy();
  });

  it("names every build that would be disturbed, not one of them", async () => {
    const of = (buildid: number) => ({ buildid, builderid: 2, builder: "runtests", number: buildid });
    serve(() => ({ build: of(7), builds: [of(7), of(8)] }));
    open();
    await waitFor(() => {
      expect(at("force-builds")?.textContent).toBe("runtests #7, runtests #8");
    });
  });

  it("does nothing without the worker's name and a reason, and says which is missing", async () => {
    const asked = serve(() => ({}));
    open();
    await waitFor(() => {
      expect(at("force-name")).not.toBeNull();
    });
    const form = at("force-name")?.closest("form") as HTMLFormElement;
    fireEvent.submit(form);
    expect(screen.getByText("Type the worker's name.")).toBeTruthy();
    expect(screen.getByText(/A reason is needed/)).toBeTruthy();
    field("force-name", "ec2-4");
    expect(screen.getByText("This is not the worker's name.")).toBeTruthy();
    // A blank that came along with a copy is no other name.
    field("force-name", "ec2-3 ");
    field("force-reason", "   ");
    fireEvent.submit(form);
    expect(document.activeElement).toBe(at("force-reason"));
    expect(asked.filter((body) => !body.dry_run)).toEqual([]);
  });

  it("sends the episode that was looked at, and shows the outcome step by step", async () => {
    const action = {
      id: 6,
      workerid: 3,
      worker: "ec2-3",
      actor: "amber",
      status: "done",
      finished_at: 1,
      outcome: "It is free again.",
      steps: [{ step: "end_wait", target: "", text: "End the wait", done: true, detail: null }],
    };
    const asked = serve(() => ({}), [200, { action }]);
    open();
    await submit();
    expect(await screen.findByText(/It is free again/)).toBeTruthy();
    expect(at("force-outcome")?.textContent).toContain("done: End the wait");
    expect(asked.at(-1)).toEqual({
      episode: 17,
      pause: true,
      override: false,
      confirm: "ec2-3",
      reason: "hung since noon",
      dry_run: false,
    });
  });

  it("explains a worker that has gone on, and looks again at the episode that it is in now", async () => {
    const asked = serve(() => ({}), [412, { error: "It is in episode 18.", code: "episode_changed", episode: 18 }]);
    open();
    await submit();
    expect((await screen.findByText("Already gone on")).textContent).toBeTruthy();
    expect(at("force-submit")).toBeNull();
    fireEvent.click(at("force-reload") as HTMLElement);
    await waitFor(() => {
      expect(at("force-submit")).not.toBeNull();
    });
    expect(asked.at(-1)).toMatchObject({ episode: 18, dry_run: true });
  });

  it("keeps what was typed when the recorder could not write", async () => {
    serve(() => ({}), [503, { error: "Not written.", code: "behind" }]);
    open();
    await submit();
    await screen.findByText("The recorder cannot write now");
    expect((at("force-reason") as HTMLTextAreaElement).value).toBe("hung since noon");
  });

  it("offers the override for a worker that is not stuck yet, and asks only after it was taken", async () => {
    const asked = serve((body) =>
      body.override ? {} : { eligible: false, why_not: "40 s of 300 s.", code: "not_eligible" },
    );
    open(stopping());
    expect((await screen.findByText("40 s of 300 s.")).textContent).toBeTruthy();
    expect(at("force-submit")).toBeNull();
    fireEvent.click(at("force-override") as HTMLElement);
    await waitFor(() => {
      expect(at("force-submit")).not.toBeNull();
    });
    expect(asked.at(-1)).toMatchObject({ override: true, dry_run: true });
  });

  it("closes by Escape", async () => {
    serve(() => ({}));
    const onClose = vi.fn();
    open(stopHangs(), onClose);
    await screen.findByText("End the wait for stop_instance");
    fireEvent(at("force-dialog") as HTMLElement, new Event("cancel", { cancelable: true }));
    expect(onClose).toHaveBeenCalledOnce();
  });

  it("shows names as text, never as markup", async () => {
    serve(() => ({ warnings: ["<img src=x onerror=alert(1)>"] }));
    open(stopHangs({ name: "<b>x</b>" }));
    await screen.findByText("<img src=x onerror=alert(1)>");
    expect(at("force-dialog")?.querySelector("img, b")).toBeNull();
  });
});

describe("the button", () => {
  it("stays reachable when it is shut, and a press tells why instead of opening", () => {
    const onOpen = vi.fn();
    render(<ForceButton worker={building()} meta={meta()} onOpen={onOpen} />);
    const button = screen.getByRole("button");
    expect(button.getAttribute("aria-disabled")).toBe("true");
    expect(button.hasAttribute("disabled")).toBe(false);
    expect(document.getElementById(button.getAttribute("aria-describedby") ?? "")?.textContent).toContain(
      "Stop the build",
    );
    fireEvent.click(button);
    expect(onOpen).not.toHaveBeenCalled();
    expect(button.parentElement?.className).toContain("bbl-told");
  });
  it("opens for a stuck worker", () => {
    const onOpen = vi.fn();
    render(<ForceButton worker={stopHangs()} meta={meta()} onOpen={onOpen} />);
    fireEvent.click(screen.getByRole("button"));
    expect(onOpen).toHaveBeenCalledOnce();
  });
});
