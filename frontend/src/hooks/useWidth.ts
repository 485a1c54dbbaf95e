import { useLayoutEffect, useState, type RefObject } from "react";

/** The width of an element in pixels, followed as it changes. */
export function useWidth(element: RefObject<HTMLElement>, usual: number): number {
  const [width, setWidth] = useState(usual);
  useLayoutEffect(() => {
    const found = element.current;
    if (found === null) return;
    // The observer reports after the first paint, which would be wider than a phone.
    // eslint-disable-next-line react-hooks/set-state-in-effect -- what is measured is known here only
    if (found.clientWidth > 0) setWidth(found.clientWidth);
    if (typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined && entry.contentRect.width > 0) setWidth(Math.floor(entry.contentRect.width));
    });
    observer.observe(found);
    return () => {
      observer.disconnect();
    };
  }, [element]);
  return width;
}
