// @vitest-environment jsdom
import { render } from "@testing-library/react";
import React from "react";
import { describe, expect, it } from "vitest";
import "../page";
import { LastWords } from "../../src/ui/LastWords";
import type { LifecycleEvent } from "../../src/contract/types";

const event = (kind: string, data: object) =>
  ({ id: 1, workerid: 1, at: 100, kind, episode: 1, data }) as unknown as LifecycleEvent;

describe("the last words of an instance", () => {
  it("are its cloud's reason, with the end of the log behind it", () => {
    const text = "exited, code 137\nOut of memory";
    const words = event("last_words", { began: 1, instance: "c-1", gone: true, text });
    const { container } = render(<LastWords events={[event("detached", {}), words]} />);
    expect(container.querySelectorAll('[data-test="last-words"]')).toHaveLength(1);
    expect(container.querySelector("bdi")?.textContent).toBe("its instance c-1 was gone: exited, code 137");
    expect(container.querySelector("details")?.open).toBe(false);
    expect(container.querySelector("pre")?.textContent).toBe("Out of memory");
  });
});
