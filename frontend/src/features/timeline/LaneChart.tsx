import React, { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Link } from "react-router-dom";
import { serverNow } from "../../server/clock";
import type { Mark, Worker } from "../../contract/types";
import { useTheme } from "../../hooks/useTheme";
import { useTicking } from "../../hooks/useTicking";
import { useWidth } from "../../hooks/useWidth";
import {
  barOf,
  barWords,
  hitAt,
  markWords,
  nameOf,
  nearest,
  neighbour,
  type BarName,
  type Hit,
  type Ready,
} from "../../model/lanes";
import { workerRoute } from "../../model/links";
import { tickLabel } from "../../model/moments";
import { moved, zoomed, type Span } from "../../model/ranges";
import { momentTicks, stepFor } from "../../model/ticks";
import { levelIcon } from "../../ui/Badge";
import { Icon } from "../../ui/Icon";
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

/** What is pointed at, by mouse or keyboard: a worker and a bar of its, never a place, since lanes change theirs. */
interface Pointed {
  workerid: number;
  bar: BarName | null;
  /** The moment under the mouse; for the keyboard, where the bar begins. */
  at: number;
  /** When it was pointed at. */
  asked: number;
  by: "mouse" | "key";
}

const sameBar = (a: Pointed | null, b: Pointed | null) =>
  a?.workerid === b?.workerid && a?.bar?.episode === b?.bar?.episode;

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

  const point = (clientX: number, clientY: number, up = scrolled): Pointed | null => {
    const box = canvas.current?.getBoundingClientRect();
    if (box === undefined) return null;
    const lane = Math.floor((clientY - box.top + up) / LANE);
    const worker = workers[lane];
    if (worker === undefined) return null;
    const at = momentAt(clientX);
    const hit = hitAt(rows[lane]?.stays ?? [], at, NEAR_PX * perPixel);
    const bar = hit === null ? null : nameOf(hit);
    return { workerid: worker.workerid, bar, at, asked: serverNow(), by: "mouse" };
  };

  // Where it is by now, and what it says: all is looked up anew, by what it is.
  const lane = pointed === null ? -1 : workers.findIndex((worker) => worker.workerid === pointed.workerid);
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

  const mouse = useRef({ x: 0, y: 0 });
  const drag = useRef<{ x: number; span: Span; far: boolean; named: Pointed | null } | null>(null);
  const onPointerDown = (event: React.PointerEvent) => {
    if (event.button !== 0) return;
    // A finger points at nothing before it presses; of a mouse, the tip has said what is meant.
    const under = point(event.clientX, event.clientY);
    const named = here?.by === "mouse" ? here : under;
    drag.current = { x: event.clientX, span, far: false, named };
  };
  const onPointerMove = (event: React.PointerEvent) => {
    mouse.current = { x: event.clientX, y: event.clientY };
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
    // What has come under the mouse since is told first, and opened by another click.
    if (found?.bar != null && sameBar(found, from.named)) onOpen(found.bar.episode);
    else setPointed(found);
  };

  const show = (next: number, to: Hit | null) => {
    const worker = workers[next];
    if (worker === undefined) return;
    const at = to === null ? (here?.at ?? span.until) : to.phase[1];
    const bar = to === null ? null : nameOf(to);
    setPointed({ workerid: worker.workerid, bar, at, asked: serverNow(), by: "key" });
    if (to !== null && (at < span.since || at > span.until)) {
      onSpan(moved(span, at - (span.since + span.until) / 2, serverNow()));
    }
  };

  const onKeyDown = (event: React.KeyboardEvent) => {
    // Keys on a link inside are that link's.
    if (event.target !== event.currentTarget) return;
    const from = Math.max(0, lane);
    const stays = rows[from]?.stays ?? [];
    const at = hit === null ? Math.min(span.until, serverNow()) : (here?.at ?? span.until);
    const length = span.until - span.since;
    const toLane = (next: number) => {
      const there = Math.min(workers.length - 1, Math.max(0, next));
      show(there, nearest(rows[there]?.stays ?? [], at));
    };
    const toBar = (step: 1 | -1) => {
      show(from, hit === null ? nearest(stays, at) : (neighbour(stays, hit, step) ?? hit));
    };
    const keys: Record<string, () => void> = {
      ArrowUp: () => {
        toLane(lane - 1);
      },
      ArrowDown: () => {
        toLane(lane + 1);
      },
      ArrowLeft: () => {
        if (event.shiftKey) onSpan(moved(span, -length / 4, serverNow()));
        else toBar(-1);
      },
      ArrowRight: () => {
        if (event.shiftKey) onSpan(moved(span, length / 4, serverNow()));
        else toBar(1);
      },
      Home: () => {
        show(from, nearest(stays, -Infinity));
      },
      End: () => {
        show(from, nearest(stays, serverNow()));
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
        if (hit !== null) onOpen(hit.stay.id);
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
            <LaneLabel key={worker.workerid} worker={worker} top={(firstLabel + index) * LANE} width={labels} />
          ))}
          <canvas
            ref={canvas}
            className={`bbl-chart-canvas${hit === null ? "" : " bbl-chart-over"}`}
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
      {here !== null && inSight && (
        <Tip
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
  name: string;
  lines: readonly string[];
  left: number;
  top: number;
  full: number;
  outline: { from: number; to: number } | null;
}

const Tip = ({ name, lines, left, top, full, outline }: TipProps) => (
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
      {lines.map((line, index) => (
        <div key={index}>{line}</div>
      ))}
    </div>
  </>
);
