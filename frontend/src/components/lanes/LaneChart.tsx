import React, { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Link } from "react-router-dom";
import { serverNow } from "../../api/clock";
import type { Mark, Worker } from "../../api/types";
import { useTheme } from "../../hooks/useTheme";
import { useTicking } from "../../hooks/useTicking";
import { useWidth } from "../../hooks/useWidth";
import { barWords, hitAt, markWords, nearest, neighbour, type Hit, type Ready } from "../../model/lanes";
import { workerRoute } from "../../model/links";
import { tickLabel } from "../../model/moments";
import { moved, zoomed, type Span } from "../../model/ranges";
import { momentTicks, stepFor } from "../../model/ticks";
import { levelIcon } from "../Badge";
import { Icon } from "../Icon";
import { LANE, paintAxis, paintLanes, prepare, type Scene } from "./paint";
import { paletteOf } from "./palette";

interface Props {
  workers: readonly Worker[];
  lanes: ReadonlyMap<number, Ready>;
  masterMarks: readonly Mark[];
  span: Span;
  onSpan: (span: Span) => void;
  onOpen: (episode: number) => void;
}

/** What is pointed at, by mouse or keyboard. */
interface Pointed {
  lane: number;
  hit: Hit | null;
  /** The moment under the mouse; for the keyboard, where the bar begins. */
  at: number;
  lines: string[];
  by: "mouse" | "key";
}

const AXIS = 34;
const TALLEST = 620;
const NEAR_PX = 4;
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

  const rows = useMemo(() => workers.map((worker) => lanes.get(worker.workerid) ?? null), [workers, lanes]);
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

  const point = (clientX: number, clientY: number): Pointed | null => {
    const box = canvas.current?.getBoundingClientRect();
    if (box === undefined) return null;
    const lane = Math.floor((clientY - box.top + scrolled) / LANE);
    const worker = workers[lane];
    if (worker === undefined) return null;
    const at = momentAt(clientX);
    const row = rows[lane];
    const hit = hitAt(row?.stays ?? [], at, NEAR_PX * perPixel);
    const marks = [...(row?.marks ?? []), ...masterMarks].filter(
      (mark) => Math.abs(mark.at - at) <= (NEAR_PX + 2) * perPixel,
    );
    const lines = [...marks.map(markWords), ...(hit === null ? [] : barWords(hit, serverNow()))];
    return { lane, hit, at, lines: lines.length === 0 ? [tickLabel(at, 1)] : lines, by: "mouse" };
  };

  // A wheel listener of React's cannot keep the page from scrolling.
  const wheel = useRef<(event: WheelEvent) => void>(() => undefined);
  useEffect(() => {
    wheel.current = (event) => {
      const overAxis = event.target === axis.current;
      const lengths = span.until - span.since;
      if (event.ctrlKey || event.metaKey || overAxis) {
        event.preventDefault();
        onSpan(zoomed(span, Math.exp(event.deltaY * 0.002), momentAt(event.clientX), serverNow()));
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        onSpan(moved(span, ((event.deltaX || event.deltaY) / width) * lengths, serverNow()));
      }
    };
  });
  useEffect(() => {
    const element = frame.current;
    const listen = (event: WheelEvent) => {
      wheel.current(event);
    };
    element?.addEventListener("wheel", listen, { passive: false });
    return () => {
      element?.removeEventListener("wheel", listen);
    };
  }, []);

  const drag = useRef<{ x: number; span: Span; far: boolean } | null>(null);
  const onPointerDown = (event: React.PointerEvent) => {
    if (event.button !== 0) return;
    drag.current = { x: event.clientX, span, far: false };
  };
  const onPointerMove = (event: React.PointerEvent) => {
    const from = drag.current;
    if (from === null) {
      setPointed(point(event.clientX, event.clientY));
      return;
    }
    const by = event.clientX - from.x;
    if (!from.far && Math.abs(by) < 4) return;
    if (!from.far) event.currentTarget.setPointerCapture(event.pointerId);
    from.far = true;
    setPointed(null);
    onSpan(moved(from.span, -by * perPixel, serverNow()));
  };
  const onPointerUp = (event: React.PointerEvent) => {
    const from = drag.current;
    drag.current = null;
    if (from === null || from.far) return;
    const found = point(event.clientX, event.clientY);
    if (found?.hit != null) onOpen(found.hit.stay.id);
  };

  const show = (lane: number, hit: Hit | null) => {
    const worker = workers[lane];
    if (worker === undefined) return;
    const at = hit === null ? (pointed?.at ?? span.until) : hit.phase[1];
    const lines = hit === null ? ["nothing in what is shown"] : barWords(hit, serverNow());
    setPointed({ lane, hit, at, lines, by: "key" });
    const box = scroller.current;
    if (box !== null) {
      if (lane * LANE < box.scrollTop) box.scrollTop = lane * LANE;
      if ((lane + 1) * LANE > box.scrollTop + height) box.scrollTop = (lane + 1) * LANE - height;
    }
    if (hit !== null && (at < span.since || at > span.until)) {
      onSpan(moved(span, at - (span.since + span.until) / 2, serverNow()));
    }
  };

  const onKeyDown = (event: React.KeyboardEvent) => {
    // Keys on a link inside are that link's.
    if (event.target !== event.currentTarget) return;
    const lane = pointed?.lane ?? 0;
    const stays = rows[lane]?.stays ?? [];
    const at = pointed?.hit == null ? Math.min(span.until, serverNow()) : pointed.at;
    const length = span.until - span.since;
    const toLane = (next: number) => {
      const there = Math.min(workers.length - 1, Math.max(0, next));
      show(there, nearest(rows[there]?.stays ?? [], at));
    };
    const keys: Record<string, () => void> = {
      ArrowUp: () => {
        toLane(pointed === null ? 0 : lane - 1);
      },
      ArrowDown: () => {
        toLane(pointed === null ? 0 : lane + 1);
      },
      ArrowLeft: () => {
        if (event.shiftKey) onSpan(moved(span, -length / 4, serverNow()));
        else show(lane, pointed?.hit == null ? nearest(stays, at) : (neighbour(stays, pointed.hit, -1) ?? pointed.hit));
      },
      ArrowRight: () => {
        if (event.shiftKey) onSpan(moved(span, length / 4, serverNow()));
        else show(lane, pointed?.hit == null ? nearest(stays, at) : (neighbour(stays, pointed.hit, 1) ?? pointed.hit));
      },
      Home: () => {
        show(lane, nearest(stays, -Infinity));
      },
      End: () => {
        show(lane, nearest(stays, serverNow()));
      },
      "+": () => {
        onSpan(zoomed(span, 0.5, at, serverNow()));
      },
      "=": () => {
        onSpan(zoomed(span, 0.5, at, serverNow()));
      },
      "-": () => {
        onSpan(zoomed(span, 2, at, serverNow()));
      },
      Enter: () => {
        if (pointed?.hit != null) onOpen(pointed.hit.stay.id);
      },
      Escape: () => {
        setPointed(null);
      },
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };

  const firstLabel = Math.max(0, Math.floor(scrolled / LANE) - 5);
  const lastLabel = Math.min(workers.length, Math.ceil((scrolled + height) / LANE) + 5);
  const told = pointed === null ? "" : `${workers[pointed.lane]?.name ?? ""}: ${pointed.lines.join("; ")}`;

  return (
    <div ref={frame} className="bbl-chart" data-test="lanes" data-lanes={workers.length}>
      <canvas
        ref={axis}
        className="bbl-chart-axis"
        style={{ marginLeft: labels, width, height: AXIS }}
        aria-hidden="true"
      />
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
          setScrolled(event.currentTarget.scrollTop);
        }}
      >
        <div style={{ height: workers.length * LANE }} className="bbl-chart-space">
          {workers.slice(firstLabel, lastLabel).map((worker, index) => (
            <LaneLabel key={worker.workerid} worker={worker} top={(firstLabel + index) * LANE} width={labels} />
          ))}
          <canvas
            ref={canvas}
            className={`bbl-chart-canvas${pointed?.hit == null ? "" : " bbl-chart-over"}`}
            style={{ marginLeft: labels, width, height }}
            aria-hidden="true"
            onPointerDown={onPointerDown}
            onPointerMove={onPointerMove}
            onPointerUp={onPointerUp}
            onPointerLeave={() => {
              if (pointed?.by === "mouse") setPointed(null);
            }}
            onDoubleClick={(event) => {
              onSpan(zoomed(span, 0.4, momentAt(event.clientX), serverNow()));
            }}
          />
        </div>
      </div>
      {pointed !== null && (
        <Tip
          pointed={pointed}
          name={workers[pointed.lane]?.name ?? ""}
          left={labels + Math.min(width, Math.max(0, (pointed.at - span.since) / perPixel))}
          top={AXIS + (pointed.lane + 1) * LANE - scrolled}
          full={full}
          outline={
            pointed.hit === null
              ? null
              : {
                  from: labels + Math.max(0, (pointed.hit.phase[1] - span.since) / perPixel),
                  to: labels + Math.min(width, ((pointed.hit.phase[2] ?? serverNow()) - span.since) / perPixel),
                }
          }
        />
      )}
      <span className="bbl-sr" role="status">
        {pointed?.by === "key" ? told : ""}
      </span>
      <p className="bbl-sub" id={`${id}-keys`}>
        Drag to move, Ctrl and wheel to zoom, wheel over the times as well; a click on a bar opens its episode. By
        keyboard: arrows go from bar to bar, Enter opens, + and − zoom, Shift and arrows move.
      </p>
    </div>
  );
};

const LaneLabel = React.memo(({ worker, top, width }: { worker: Worker; top: number; width: number }) => (
  <span
    className={`bbl-lane-label bbl-lane-${worker.verdict.level}`}
    style={{ top, width: width - 6, height: LANE }}
    title={worker.verdict.level === "ok" ? worker.name : `${worker.name}: ${worker.verdict.reason}`}
  >
    {worker.verdict.level !== "ok" && (
      <>
        <Icon name={levelIcon(worker.verdict.level)} /> <span className="bbl-sr">{worker.verdict.level}</span>
      </>
    )}
    <Link to={workerRoute(worker.workerid)}>
      <bdi>{worker.name}</bdi>
    </Link>
  </span>
));
LaneLabel.displayName = "LaneLabel";

interface TipProps {
  pointed: Pointed;
  name: string;
  left: number;
  top: number;
  full: number;
  outline: { from: number; to: number } | null;
}

const Tip = ({ pointed, name, left, top, full, outline }: TipProps) => (
  <>
    {outline !== null && (
      <div
        className="bbl-chart-outline"
        style={{ left: outline.from - 1, width: Math.max(3, outline.to - outline.from) + 2, top: top - LANE + 3 }}
      />
    )}
    <div
      className="bbl-chart-tip"
      data-test="lane-tip"
      style={left < full / 2 ? { left: left + 8, top: top + 4 } : { right: full - left + 8, top: top + 4 }}
    >
      <strong>
        <bdi>{name}</bdi>
      </strong>
      {pointed.lines.map((line, index) => (
        <div key={index}>{line}</div>
      ))}
    </div>
  </>
);
