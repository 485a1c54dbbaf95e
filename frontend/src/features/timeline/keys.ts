import type { Worker } from "../../contract/types";
import { nameOf, nearest, neighbour, type Hit, type Ready } from "../../model/lanes";
import { keyOf } from "../../model/key";
import { moved, zoomed, type Span } from "../../model/ranges";
import type { Pointed } from "./pointed";

/** The chart as the keyboard finds it. */
export interface Board {
  workers: readonly Worker[];
  rows: readonly (Ready | null)[];
  span: Span;
  now: number;
  /** The lane that is pointed at, or -1. */
  lane: number;
  here: Pointed | null;
  /** The bar that is pointed at, where it is by now. */
  hit: Hit | null;
}

/** What a key does: any of the three. */
export interface Deed {
  point?: Pointed | null;
  span?: Span;
  open?: number;
}

/** What is pointed at next; a bar out of sight is brought into it. */
function show({ workers, span, now, here }: Board, lane: number, to: Hit | null): Deed {
  const worker = workers[lane];
  if (worker === undefined) return {};
  const at = to === null ? (here?.at ?? span.until) : to.phase[1];
  const point: Pointed = {
    worker: keyOf(worker),
    bar: to === null ? null : nameOf(to),
    at,
    asked: now,
    by: "key",
  };
  if (to === null || (at >= span.since && at <= span.until)) return { point };
  return { point, span: moved(span, at - (span.since + span.until) / 2, now) };
}

/** Arrows go from bar to bar, Enter opens, + and - zoom, Shift and arrows move. Null for a key that does nothing here. */
export function keyDeed(board: Board, key: string, shift: boolean): Deed | null {
  const { workers, rows, span, now, lane, here, hit } = board;
  const from = Math.max(0, lane);
  const stays = rows[from]?.stays ?? [];
  const at = hit === null ? Math.min(span.until, now) : (here?.at ?? span.until);
  const quarter = (span.until - span.since) / 4;
  const toLane = (next: number) => {
    const there = Math.min(workers.length - 1, Math.max(0, next));
    return show(board, there, nearest(rows[there]?.stays ?? [], at));
  };
  const toBar = (step: 1 | -1) =>
    show(board, from, hit === null ? nearest(stays, at) : (neighbour(stays, hit, step) ?? hit));
  switch (key) {
    case "ArrowUp":
      return toLane(lane - 1);
    case "ArrowDown":
      return toLane(lane + 1);
    case "ArrowLeft":
      return shift ? { span: moved(span, -quarter, now) } : toBar(-1);
    case "ArrowRight":
      return shift ? { span: moved(span, quarter, now) } : toBar(1);
    case "Home":
      return show(board, from, nearest(stays, -Infinity));
    case "End":
      return show(board, from, nearest(stays, now));
    case "+":
    case "=":
      return { span: zoomed(span, 0.5, at, now) };
    case "-":
      return { span: zoomed(span, 2, at, now) };
    case "Enter":
      return hit === null ? {} : { open: hit.stay.id };
    case "Escape":
      return { point: null };
    default:
      return null;
  }
}
