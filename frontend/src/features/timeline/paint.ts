import type { Mark } from "../../contract/types";
import { firstAt, type Ready } from "../../model/lanes";
import { ALL_LOOKS, lookName, look, type Look } from "../../model/looks";
import type { Span } from "../../model/ranges";
import type { Palette } from "./palette";

/* The drawing of the lanes on a canvas. Only what can be seen is drawn, and of what falls on one pixel only the first. */

export const LANE = 24;
const BAR_TOP = 5;
const BAR = 14;
const BUILD = 5;
/** Narrower than that, a pattern is only noise. */
const PATTERN_FROM = 7;

type Fills = Map<string, CanvasPattern | string>;

const fills = new WeakMap<CanvasRenderingContext2D, Fills>();

function patternOf(context: CanvasRenderingContext2D, { ground, lines, path }: Look): CanvasPattern | string {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  if (pen === null || path === "") return ground;
  pen.fillStyle = ground;
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = lines;
  pen.lineWidth = 1.2;
  pen.stroke(new Path2D(path));
  return context.createPattern(tile, "repeat") ?? ground;
}

function fillsOf(context: CanvasRenderingContext2D): Fills {
  let found = fills.get(context);
  if (found === undefined) {
    found = new Map(ALL_LOOKS.map(([name, of]) => [name, patternOf(context, of)]));
    fills.set(context, found);
  }
  return found;
}

/** A canvas of this size in CSS pixels, ready to draw on, or null. */
export function prepare(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const context = canvas.getContext("2d");
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}

export interface Scene {
  lanes: readonly (Ready | null)[];
  masterMarks: readonly Mark[];
  span: Span;
  now: number;
  ticks: readonly number[];
  width: number;
  height: number;
  /** How far the lanes are scrolled up, in pixels. */
  scrolled: number;
  palette: Palette;
}

export function paintLanes(context: CanvasRenderingContext2D, scene: Scene) {
  const { span, width, height, scrolled, lanes, now, palette } = scene;
  const scale = width / (span.until - span.since);
  const x = (at: number) => (at - span.since) * scale;
  context.fillStyle = "rgba(128, 128, 128, 0.25)";
  for (const tick of scene.ticks) context.fillRect(Math.round(x(tick)), 0, 1, height);
  const first = Math.max(0, Math.floor(scrolled / LANE));
  const last = Math.min(lanes.length - 1, Math.floor((scrolled + height) / LANE));
  for (let index = first; index <= last; index++) {
    const top = index * LANE - scrolled;
    context.fillStyle = "rgba(128, 128, 128, 0.2)";
    context.fillRect(0, top + LANE - 1, width, 1);
    const lane = lanes[index];
    if (lane !== null && lane !== undefined) paintLane(context, lane, top, scene, x);
  }
  for (const mark of scene.masterMarks) {
    const at = x(mark.at);
    if (at < -1 || at > width + 1) continue;
    context.fillStyle = mark.kind === "master_died" ? palette.bad : palette.master;
    for (let y = 0; y < height; y += 6) context.fillRect(Math.round(at), y, 1, 3);
  }
  const today = x(now);
  if (today >= 0 && today <= width) {
    context.fillStyle = palette.now;
    context.fillRect(Math.round(today), 0, 1, height);
  }
}

function paintLane(
  context: CanvasRenderingContext2D,
  lane: Ready,
  top: number,
  { span, now, width, palette }: Scene,
  x: (at: number) => number,
) {
  const patterns = fillsOf(context);
  let filledTo = -1;
  for (let index = firstAt(lane.stays, span.since); index < lane.stays.length; index++) {
    const stay = lane.stays[index];
    if (stay === undefined || stay.since > span.until) break;
    const end = Math.min(width + 2, x(stay.until ?? now));
    for (const [state, since, until] of stay.phases) {
      const from = Math.max(-2, x(since));
      const to = Math.min(width + 2, x(until ?? now));
      if (to < filledTo || to < 0 || from > width) continue;
      const wide = Math.max(1, to - from);
      context.fillStyle =
        wide >= PATTERN_FROM ? (patterns.get(lookName(state)) ?? look(state).ground) : look(state).ground;
      context.fillRect(from, top + BAR_TOP, wide, BAR);
      filledTo = Math.floor(from + wide) + (wide <= 1 ? 1 : 0);
    }
    for (const [since, until] of stay.builds) {
      const from = Math.max(-2, x(since));
      const to = Math.min(width + 2, x(until ?? now));
      if (to < 0 || from > width) continue;
      context.fillStyle = palette.build;
      context.fillRect(from, top + BAR_TOP + BAR - BUILD, Math.max(1, to - from), BUILD);
    }
    const begin = Math.max(-2, x(stay.since));
    if (end - begin > 4) {
      context.strokeStyle = palette.outline;
      context.lineWidth = 0.6;
      context.strokeRect(begin, top + BAR_TOP, end - begin, BAR);
    }
    if (stay.bad) {
      context.fillStyle = palette.bad;
      context.fillRect(begin, top + 2, Math.max(3, end - begin), 2.5);
    }
  }
  for (const mark of lane.marks) {
    const at = x(mark.at);
    if (at >= -6 && at <= width + 6) paintMark(context, mark.kind, at, top + LANE / 2, palette);
  }
}

/** Each kind has its own shape. */
export function paintMark(context: CanvasRenderingContext2D, kind: string, x: number, y: number, palette: Palette) {
  context.beginPath();
  if (kind === "failure" || kind === "master_died") {
    context.moveTo(x, y - 6);
    context.lineTo(x + 6, y + 5);
    context.lineTo(x - 6, y + 5);
    context.fillStyle = palette.bad;
  } else if (kind === "master_start") {
    context.moveTo(x - 4, y - 5);
    context.lineTo(x + 5, y);
    context.lineTo(x - 4, y + 5);
    context.fillStyle = palette.master;
  } else if (kind === "master_stop") {
    context.rect(x - 4, y - 4, 8, 8);
    context.fillStyle = palette.master;
  } else {
    context.moveTo(x, y - 6);
    context.lineTo(x + 6, y);
    context.lineTo(x, y + 6);
    context.lineTo(x - 6, y);
    context.fillStyle = kind === "force" ? palette.force : palette.release;
  }
  context.closePath();
  context.fill();
  context.strokeStyle = palette.ground;
  context.lineWidth = 1;
  context.stroke();
}

export function paintAxis(
  context: CanvasRenderingContext2D,
  scene: Scene,
  label: (at: number) => string,
  axisHeight: number,
) {
  const { span, width, palette } = scene;
  const x = (at: number) => ((at - span.since) / (span.until - span.since)) * width;
  context.font = "11px sans-serif";
  context.textAlign = "center";
  for (const tick of scene.ticks) {
    const at = x(tick);
    if (at < 18 || at > width - 18) continue;
    context.fillStyle = palette.text;
    context.fillText(label(tick), at, 12);
    context.fillStyle = "rgba(128, 128, 128, 0.5)";
    context.fillRect(Math.round(at), axisHeight - 14, 1, 14);
  }
  for (const mark of scene.masterMarks) {
    const at = x(mark.at);
    if (at >= 0 && at <= width) paintMark(context, mark.kind, at, axisHeight - 8, palette);
  }
}
