import { useLayoutEffect, useState, type RefObject } from "react";

/** The width of an element in pixels, followed as it changes. */
export function useWidth(element: RefObject<HTMLElement>, usual: number): number {
  const [width, setWidth] = useState(usual);
  useLayoutEffect(() => {
    const found = element.current;
    if (found === null || typeof ResizeObserver === "undefined") return;
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
