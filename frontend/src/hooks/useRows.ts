import { useEffect, useLayoutEffect, useMemo, useRef, useState, type RefObject } from "react";
import type { Key } from "../model/key";

/* The rows of a long list that can be seen, in a window that scrolls as a whole. Rows may be of any height: they are
   guessed at first, and measured once they are drawn. */

const BEYOND_PX = 250;

export interface ShownRow {
  index: number;
  /** From the top of the list, in pixels. */
  start: number;
  end: number;
}

interface Wish {
  keys: readonly Key[];
  guess: (index: number) => number;
  /** The element whose top is the top of the list, and whose children with `data-index` are the rows. */
  list: RefObject<HTMLElement>;
  /** Drawn whatever the window shows: the row with the focus. */
  kept: number;
  /** Up to so many rows, all are drawn. */
  short: number;
}

/** The last offset that is not above `y`. */
function rowAt(offsets: Float64Array, y: number): number {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((offsets[middle] ?? 0) <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

interface Shown {
  first: number;
  last: number;
}

/** Rows that are added at once: a frame of work, also on a slow machine. The others follow in the next frames. */
const AT_ONCE = 8;
const FIRST_SHOWN: Shown = { first: 0, last: 11 };

/** The way from the rows that are drawn to those that are wanted: the ones in sight first, then those beyond. */
export function nextShown(now: Shown, wanted: Shown, inSight: Shown): Shown {
  const kept = { first: Math.max(now.first, wanted.first), last: Math.min(now.last, wanted.last) };
  const none = kept.first > kept.last || kept.first > inSight.last || kept.last < inSight.first;
  if (none) return { first: inSight.first, last: Math.min(inSight.last, inSight.first + AT_ONCE - 1) };
  const { first, last } = kept;
  if (first > inSight.first) return { first: Math.max(inSight.first, first - AT_ONCE), last };
  if (last < wanted.last) return { first, last: Math.min(wanted.last, last + AT_ONCE) };
  return { first: Math.max(wanted.first, first - AT_ONCE), last };
}

export function useRows({ keys, guess, list, kept, short }: Wish): { rows: ShownRow[]; height: number } {
  // The map is filled as rows are seen; a new object around it says that it has changed.
  const [heights, setHeights] = useState(() => ({ of: new Map<Key, number>() }));
  const [{ first, last }, setShown] = useState(FIRST_SHOWN);
  const all = keys.length <= short;

  const offsets = useMemo(() => {
    const result = new Float64Array(keys.length + 1);
    keys.forEach((key, index) => {
      result[index + 1] = (result[index] ?? 0) + (heights.of.get(key) ?? guess(index));
    });
    return result;
  }, [keys, guess, heights]);

  useEffect(() => {
    // All of a short list is drawn, too, but not at once.
    if (all && first === 0 && last >= keys.length - 1) return;
    let asked = 0;
    const look = () => {
      const top = list.current?.getBoundingClientRect().top ?? 0;
      const range = (beyond: number) => ({
        first: Math.min(keys.length - 1, rowAt(offsets, -top - beyond)),
        last: Math.min(keys.length - 1, rowAt(offsets, window.innerHeight - top + beyond)),
      });
      const wanted = all ? { first: 0, last: keys.length - 1 } : range(BEYOND_PX);
      const inSight = range(0);
      setShown((now) => {
        const next = nextShown(now, wanted, inSight);
        return next.first === now.first && next.last === now.last ? now : next;
      });
    };
    asked = requestAnimationFrame(look);
    const onMove = () => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(look);
    };
    // The host scrolls an element of its own: such events do not bubble.
    window.addEventListener("scroll", onMove, { passive: true, capture: true });
    window.addEventListener("resize", onMove, { passive: true });
    return () => {
      cancelAnimationFrame(asked);
      window.removeEventListener("scroll", onMove, { capture: true });
      window.removeEventListener("resize", onMove);
    };
    // After each step it is looked at again, until all that is wanted is drawn.
  }, [all, list, offsets, keys.length, first, last]);

  // The browser tells of heights once it has laid out the rows: asking for them would make it do so twice.
  const observer = useRef<ResizeObserver | null>(null);
  const latestKeys = useRef(keys);
  useLayoutEffect(() => {
    latestKeys.current = keys;
  }, [keys]);
  useEffect(() => {
    if (all || typeof ResizeObserver === "undefined") return;
    const watcher = new ResizeObserver((entries) => {
      let changed = false;
      for (const { target, borderBoxSize } of entries) {
        const key = latestKeys.current[Number((target as HTMLElement).dataset.index)];
        const height = borderBoxSize[0]?.blockSize ?? 0;
        if (key === undefined || height === 0 || Math.abs((heights.of.get(key) ?? -1) - height) < 0.5) continue;
        heights.of.set(key, height);
        changed = true;
      }
      if (changed) setHeights({ of: heights.of });
    });
    observer.current = watcher;
    for (const row of list.current?.children ?? []) watcher.observe(row);
    return () => {
      watcher.disconnect();
      observer.current = null;
    };
  }, [all, list, heights.of]);
  useEffect(() => {
    // To observe what is observed already changes nothing; what has left the page is let go by the browser.
    for (const row of list.current?.children ?? []) {
      if ((row as HTMLElement).dataset.index !== undefined) observer.current?.observe(row);
    }
  });

  const rows: ShownRow[] = [];
  const add = (index: number) => {
    if (index < 0 || index >= keys.length) return;
    rows.push({ index, start: offsets[index] ?? 0, end: offsets[index + 1] ?? 0 });
  };
  if (kept < first) add(kept);
  for (let index = first; index <= last; index++) add(index);
  if (kept > last) add(kept);
  return { rows, height: offsets[keys.length] ?? 0 };
}
