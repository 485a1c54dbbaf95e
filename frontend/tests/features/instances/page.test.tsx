// @vitest-environment jsdom
import { fireEvent, render } from "@testing-library/react";
import React from "react";
import "../../page";
import { MemoryRouter } from "react-router-dom";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { InstancesPage } from "../../../src/features/instances/InstancesPage";
import { pass, serve, to } from "../../asked";
import { NOW, instance, nobodys, place } from "../../situations";
import { FakeSocket } from "../../socket";

const at = (name: string) => document.querySelector<HTMLElement>(`[data-test="${name}"]`);
const rows = () =>
  [...document.querySelectorAll<HTMLElement>('[data-test="instance-row"]')].map((row) => row.dataset.instance);
const answer = (...instances: ReturnType<typeof instance>[]) => ({
  instances,
  places: [place(), place({ place: "Docker", error: { why: "timeout", text: "no answer in 20 s" } })],
  meta: { total: instances.length, taken: NOW - 60, taking: false },
});
const open = async (address = "/lifecycle/instances") => {
  render(
    <MemoryRouter initialEntries={[address]}>
      <InstancesPage />
    </MemoryRouter>,
  );
  await pass(0);
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW * 1000);
  vi.stubGlobal("WebSocket", FakeSocket);
  serve();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the view of the instances", () => {
  it("says what runs for nobody, and which place gave no answer, before the calm rest", async () => {
    await open();
    await to(0, "v1/instances").answer(answer(instance(), nobodys()));
    expect(at("census-line")?.dataset.level).toBe("warning");
    expect(at("census-line")?.textContent).toContain("1 instance runs for nobody");
    expect(at("place-troubles")?.textContent).toContain("Docker: no answer in 20 s; what runs there is not known.");
    expect(rows()).toEqual(["i-0bb", "i-0aa"]);
    expect(document.querySelectorAll('[data-test="end-instance"]')).toHaveLength(1);
  });
  it("tells of ten classes that cannot list in one line, with the list behind it, and counts none as asked", async () => {
    const mute = Array.from({ length: 10 }, (_, n) =>
      place({ place: `Class${n}`, class: `Class${n}`, can_list: false }),
    );
    await open();
    await to(0, "v1/instances").answer({ ...answer(), places: [place(), ...mute] });
    expect(at("place-troubles")).toBeNull();
    const line = at("cannot-list") as HTMLDetailsElement;
    expect(line.querySelector("summary")?.textContent).toContain("10 classes of workers cannot list");
    expect([line.open, line.querySelectorAll("li").length]).toEqual([false, 10]);
    expect(at("census-taken")?.textContent).toContain("of 1 place.");
  });
  it("offers a press to look, and says while it is under way", async () => {
    await open();
    await to(0, "v1/instances").answer(answer());
    fireEvent.click(at("look-now") as HTMLElement);
    expect(at("census-progress")?.textContent).toContain("Asking 2 places");
    expect(at("look-now")?.getAttribute("aria-disabled")).toBe("true");
    await to(0, "refresh").answer({}, 202);
    expect(at("census-progress")?.textContent).toContain("Asking 2 places");
    await to(2, "v1/instances").answer(answer());
    expect(at("census-progress")?.textContent).toContain("The clouds were asked");
  });
  it("opens the dialog for the instance that a link of the orphans asks for, and keeps it when the row goes", async () => {
    await open("/lifecycle/instances?entry=12");
    await to(0, "v1/instances").answer(answer(nobodys({ orphan: 12 })));
    expect(at("end-dialog")).not.toBeNull();
    fireEvent.click(at("look-now") as HTMLElement);
    await to(0, "refresh").answer({});
    // After the list, the dry run of the dialog, and the look.
    await to(3, "v1/instances").answer(answer());
    expect(rows()).toEqual([]);
    expect(at("end-dialog")).not.toBeNull();
    fireEvent.click(at("end-close") as HTMLElement);
    await pass(0);
    expect(at("end-dialog")).toBeNull();
    expect(at("end-unknown")).toBeNull();
  });
  it("says so where that instance is told by nobody", async () => {
    await open("/lifecycle/instances?entry=12");
    await to(0, "v1/instances").answer(answer(nobodys()));
    expect(at("end-dialog")).toBeNull();
    expect(at("end-unknown")?.textContent).toContain("The instance of entry 12");
  });
  it("draws a part of many, and the others at a press", async () => {
    await open();
    const many = Array.from({ length: 450 }, (_, n) => instance({ id: `1-${n}`, name: `i-${n}` }));
    await to(0, "v1/instances").answer(answer(...many));
    expect(rows()).toHaveLength(200);
    expect(at("shown")?.textContent).toBe("450 instances");
    fireEvent.click(at("instances-more") as HTMLElement);
    expect(rows()).toHaveLength(400);
  });
});
