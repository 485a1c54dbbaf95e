import { hitAt, nameOf, type BarName, type Ready } from "../../model/lanes";
import type { Worker } from "../../contract/types";
import { keyOf, type Key } from "../../model/key";

/** What is pointed at, by mouse or keyboard: a worker and a bar of its, never a place, since lanes change theirs. */
export interface Pointed {
  worker: Key;
  bar: BarName | null;
  /** The moment under the mouse; for the keyboard, where the bar begins. */
  at: number;
  /** When it was pointed at. */
  asked: number;
  by: "mouse" | "key";
}

/** A bar is hit from so many pixels beside it, too. */
export const NEAR_PX = 4;

export const sameBar = (a: Pointed | null, b: Pointed | null) =>
  a?.worker === b?.worker && a?.bar?.episode === b?.bar?.episode;

/** What the mouse points at in this lane, at this moment. */
export function underMouse(
  worker: Worker | undefined,
  row: Ready | null | undefined,
  at: number,
  near: number,
  asked: number,
): Pointed | null {
  if (worker === undefined) return null;
  const hit = hitAt(row?.stays ?? [], at, near);
  return { worker: keyOf(worker), bar: hit === null ? null : nameOf(hit), at, asked, by: "mouse" };
}
