// @vitest-environment jsdom
import { cleanup, render } from "@testing-library/react";
import React, { useRef } from "react";
import { afterEach, expect, it, vi } from "vitest";
import { useWidth } from "../../src/hooks/useWidth";

const Chart = () => {
  const frame = useRef<HTMLDivElement>(null);
  return <div ref={frame}>{useWidth(frame, 900)}</div>;
};

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

/* jsdom has no ResizeObserver: this is what a browser paints before it reports a size. */

it("has the width of its place before anything is painted: a usual one is wider than a phone", () => {
  vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(348);
  expect(render(<Chart />).container.textContent).toBe("348");
});

it("has the usual width where its place has none yet", () => {
  expect(render(<Chart />).container.textContent).toBe("900");
});
