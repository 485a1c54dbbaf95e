import { useEffect, useRef, type RefObject } from "react";
import { moved, zoomed, type Span } from "../../model/ranges";
import { serverNow } from "../../server/clock";

interface Wheel {
  frame: RefObject<HTMLElement>;
  /** Here the wheel zooms by itself; elsewhere with Ctrl. */
  axis: RefObject<HTMLElement>;
  span: Span;
  /** Of the lanes, in pixels. */
  width: number;
  momentAt: (clientX: number) => number;
  onSpan: (span: Span) => void;
}

/** The wheel zooms and moves. A listener of React's cannot keep the page from scrolling, hence one of our own. */
export function useWheel({ frame, axis, span, width, momentAt, onSpan }: Wheel) {
  const latest = useRef<(event: WheelEvent) => void>(() => undefined);
  useEffect(() => {
    latest.current = (event) => {
      if (event.ctrlKey || event.metaKey || event.target === axis.current) {
        event.preventDefault();
        onSpan(zoomed(span, Math.exp(event.deltaY * 0.002), momentAt(event.clientX), serverNow()));
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        const by = (event.deltaX || event.deltaY) / width;
        onSpan(moved(span, by * (span.until - span.since), serverNow()));
      }
    };
  });
  useEffect(() => {
    const element = frame.current;
    const listen = (event: WheelEvent) => {
      latest.current(event);
    };
    element?.addEventListener("wheel", listen, { passive: false });
    return () => {
      element?.removeEventListener("wheel", listen);
    };
  }, [frame]);
}
