import { useRef, type PointerEvent } from "react";
import { moved, type Span } from "../../model/ranges";
import { serverNow } from "../../server/clock";
import { sameBar, type Pointed } from "./pointed";

interface Drag {
  span: Span;
  /** Seconds. */
  perPixel: number;
  /** What is pointed at by now. */
  here: Pointed | null;
  point: (clientX: number, clientY: number) => Pointed | null;
  onPoint: (pointed: Pointed | null) => void;
  onSpan: (span: Span) => void;
  onOpen: (episode: number) => void;
}

/** Less is a click of a hand that trembles. */
const FAR_PX = 4;

/** The pointer points, drags the lanes to another time, and opens the bar that it has pointed at. */
export function useDrag({ span, perPixel, here, point, onPoint, onSpan, onOpen }: Drag) {
  const drag = useRef<{ x: number; span: Span; far: boolean; named: Pointed | null } | null>(null);
  return {
    onPointerDown: (event: PointerEvent) => {
      if (event.button !== 0) return;
      // A finger points at nothing before it presses; of a mouse, the tip has said what is meant.
      const under = point(event.clientX, event.clientY);
      const named = here?.by === "mouse" ? here : under;
      drag.current = { x: event.clientX, span, far: false, named };
    },
    onPointerMove: (event: PointerEvent) => {
      const from = drag.current;
      if (from === null) {
        onPoint(point(event.clientX, event.clientY));
        return;
      }
      const by = event.clientX - from.x;
      if (!from.far && Math.abs(by) < FAR_PX) return;
      if (!from.far) event.currentTarget.setPointerCapture(event.pointerId);
      from.far = true;
      onPoint(null);
      onSpan(moved(from.span, -by * perPixel, serverNow()));
    },
    onPointerUp: (event: PointerEvent) => {
      const from = drag.current;
      drag.current = null;
      if (from === null || from.far) return;
      const found = point(event.clientX, event.clientY);
      // What has come under the mouse since is told first, and opened by another click.
      if (found?.bar != null && sameBar(found, from.named)) onOpen(found.bar.episode);
      else onPoint(found);
    },
  };
}
