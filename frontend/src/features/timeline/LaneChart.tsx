import React, { useCallback, useId, useLayoutEffect, useMemo, useRef, useState } from "react";
import { serverNow } from "../../server/clock";
import type { Mark, Worker } from "../../contract/types";
import { useTheme } from "../../hooks/useTheme";
import { useTicking } from "../../hooks/useTicking";
import { useWidth } from "../../hooks/useWidth";
import { keyOf, type Key } from "../../model/key";
import { barOf, barWords, markWords, type Ready } from "../../model/lanes";
import { tickLabel } from "../../model/moments";
import { zoomed, type Span } from "../../model/ranges";
import { momentTicks, stepFor } from "../../model/ticks";
import { LANE, paintAxis, paintLanes, prepare, type Scene } from "./paint";
import { LaneLabel } from "./LaneLabel";
import { LaneTip } from "./LaneTip";
import { keyDeed } from "./keys";
import { paletteOf } from "./palette";
import { NEAR_PX, underMouse, type Pointed } from "./pointed";
import { useDrag } from "./useDrag";
import { useWheel } from "./useWheel";

interface Props {
  workers: readonly Worker[];
  lanes: ReadonlyMap<Key, Ready>;
  masterMarks: readonly Mark[];
  span: Span;
  onSpan: (span: Span) => void;
  onOpen: (episode: number) => void;
}

const AXIS = 34;
const TALLEST = 620;
const PIXELS_A_TICK = 90;

export const LaneChart = ({ workers, lanes, masterMarks, span, onSpan, onOpen }: Props) => {
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const axis = useRef<HTMLCanvasElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const full = useWidth(frame, 900);
  const labels = full < 600 ? 96 : 170;
  const width = Math.max(120, full - labels - 14);
  const height = Math.min(TALLEST, Math.max(LANE * 3, workers.length * LANE));
  const [scrolled, setScrolled] = useState(0);
  const [pointed, setPointed] = useState<Pointed | null>(null);
  // The open bars grow: drawn again when that is a pixel.
  const step = Math.max(1, Math.floor((span.until - span.since) / width));
  const now = Number(useTicking(useCallback((at: number) => String(Math.floor(at / step) * step), [step])));

  const rows = useMemo(() => workers.map((worker) => lanes.get(keyOf(worker)) ?? null), [workers, lanes]);
  const ticks = useMemo(
    () => momentTicks(span.since, span.until, width / PIXELS_A_TICK, -new Date().getTimezoneOffset() * 60),
    [span, width],
  );
  const tickStep = stepFor(span.until - span.since, width / PIXELS_A_TICK);

  const theme = useTheme();
  useLayoutEffect(() => {
    if (frame.current === null) return;
    const lanesOn = canvas.current === null ? null : prepare(canvas.current, width, height);
    const axisOn = axis.current === null ? null : prepare(axis.current, width, AXIS);
    const palette = paletteOf(frame.current);
    // `now` is the last step; the bars reach to the moment itself.
    const at = Math.max(now, serverNow());
    const scene: Scene = { lanes: rows, masterMarks, span, now: at, ticks, width, height, scrolled, palette };
    if (lanesOn !== null) paintLanes(lanesOn, scene);
    if (axisOn !== null) paintAxis(axisOn, scene, (tick) => tickLabel(tick, tickStep), AXIS);
  }, [rows, masterMarks, span, now, ticks, tickStep, width, height, scrolled, theme]);

  const perPixel = (span.until - span.since) / width;
  const momentAt = (clientX: number) => {
    const left = canvas.current?.getBoundingClientRect().left ?? 0;
    return span.since + (clientX - left) * perPixel;
  };

  const point = (clientX: number, clientY: number, up = scrolled): Pointed | null => {
    const box = canvas.current?.getBoundingClientRect();
    if (box === undefined) return null;
    const under = Math.floor((clientY - box.top + up) / LANE);
    return underMouse(workers[under], rows[under], momentAt(clientX), NEAR_PX * perPixel, serverNow());
  };

  // Where it is by now, and what it says: all is looked up anew, by what it is.
  const lane = pointed === null ? -1 : workers.findIndex((worker) => keyOf(worker) === pointed.worker);
  const here = lane === -1 ? null : pointed;
  const row = lane === -1 ? null : (rows[lane] ?? null);
  const name = workers[lane]?.name ?? "";
  const hit = here?.bar == null ? null : barOf(row?.stays ?? [], here.bar, here.by === "mouse" ? here.at : null);
  const linesAt = (moment: number): string[] => {
    if (here === null) return [];
    const bar = hit === null ? [] : barWords(hit, moment);
    if (here.by === "key") return hit === null ? ["nothing in what is shown"] : bar;
    const marks = [...(row?.marks ?? []), ...masterMarks].filter(
      (mark) => Math.abs(mark.at - here.at) <= (NEAR_PX + 2) * perPixel,
    );
    const lines = [...marks.map(markWords), ...bar];
    return lines.length === 0 ? [tickLabel(here.at, 1)] : lines;
  };
  const byKey = here?.by === "key";
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!byKey || box === null) return;
    if (lane * LANE < box.scrollTop) box.scrollTop = lane * LANE;
    if ((lane + 1) * LANE > box.scrollTop + height) box.scrollTop = (lane + 1) * LANE - height;
  }, [byKey, lane, height]);

  useWheel({ frame, axis, span, width, momentAt, onSpan });
  const mouse = useRef({ x: 0, y: 0 });
  const drag = useDrag({ span, perPixel, here, point, onPoint: setPointed, onSpan, onOpen });
  const onKeyDown = (event: React.KeyboardEvent) => {
    // Keys on a link inside are that link's.
    if (event.target !== event.currentTarget) return;
    const board = { workers, rows, span, now: serverNow(), lane, here, hit };
    const deed = keyDeed(board, event.key, event.shiftKey);
    if (deed === null) return;
    event.preventDefault();
    if (deed.point !== undefined) setPointed(deed.point);
    if (deed.span !== undefined) onSpan(deed.span);
    if (deed.open !== undefined) onOpen(deed.open);
  };

  const firstLabel = Math.max(0, Math.floor(scrolled / LANE) - 5);
  const lastLabel = Math.min(workers.length, Math.ceil((scrolled + height) / LANE) + 5);
  const inSight = (lane + 1) * LANE > scrolled && lane * LANE < scrolled + height;

  return (
    <div ref={frame} className="bbl-chart" data-test="lanes" data-lanes={workers.length}>
      <canvas
        ref={axis}
        className="bbl-chart-axis"
        style={{ marginLeft: labels, width, height: AXIS }}
        aria-hidden="true"
      />
      {/* The plugin takes the role for one that nothing can be done with: here its keys are those of the chart. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <div
        ref={scroller}
        className="bbl-chart-lanes"
        style={{ maxHeight: height }}
        role="application"
        aria-roledescription="timeline"
        aria-label={`Timeline of ${workers.length} workers`}
        aria-describedby={`${id}-keys`}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onBlur={() => {
          if (pointed?.by === "key") setPointed(null);
        }}
        onScroll={(event) => {
          const { scrollTop } = event.currentTarget;
          setScrolled(scrollTop);
          // The lanes were moved by the reader: the mouse is over another one by now.
          if (here?.by === "mouse") setPointed(point(mouse.current.x, mouse.current.y, scrollTop));
        }}
      >
        <div style={{ height: workers.length * LANE }} className="bbl-chart-space">
          {workers.slice(firstLabel, lastLabel).map((worker, index) => (
            <LaneLabel key={keyOf(worker)} worker={worker} top={(firstLabel + index) * LANE} width={labels} />
          ))}
          <canvas
            ref={canvas}
            className={`bbl-chart-canvas${hit === null ? "" : " bbl-chart-over"}`}
            style={{ marginLeft: labels, width, height }}
            aria-hidden="true"
            onPointerDown={drag.onPointerDown}
            onPointerMove={(event) => {
              mouse.current = { x: event.clientX, y: event.clientY };
              drag.onPointerMove(event);
            }}
            onPointerUp={drag.onPointerUp}
            onPointerLeave={() => {
              if (pointed?.by === "mouse") setPointed(null);
            }}
            onDoubleClick={(event) => {
              onSpan(zoomed(span, 0.4, momentAt(event.clientX), serverNow()));
            }}
          />
        </div>
      </div>
      {here !== null && inSight && (
        <LaneTip
          name={name}
          lines={linesAt(Math.max(now, serverNow()))}
          left={labels + Math.min(width, Math.max(0, (here.at - span.since) / perPixel))}
          top={AXIS + (lane + 1) * LANE - scrolled}
          full={full}
          outline={
            hit === null
              ? null
              : {
                  from: labels + Math.max(0, (hit.phase[1] - span.since) / perPixel),
                  to: labels + Math.min(width, ((hit.phase[2] ?? serverNow()) - span.since) / perPixel),
                }
          }
        />
      )}
      <span className="bbl-sr" role="status">
        {here?.by === "key" ? `${name}: ${linesAt(here.asked).join("; ")}` : ""}
      </span>
      <p className="bbl-sub" id={`${id}-keys`}>
        Drag to move, Ctrl and wheel to zoom, wheel over the times as well; a click on a bar opens its episode. By
        keyboard: arrows go from bar to bar, Enter opens, + and − zoom, Shift and arrows move.
      </p>
    </div>
  );
};
