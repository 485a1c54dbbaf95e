import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { serverNow } from "../../server/clock";
import { asFailure, getMany, type ApiFailure } from "../../server/client";
import { feed } from "../../server/live";
import type { Lane, Mark, TimelineAnswer } from "../../contract/types";
import { queryOf } from "../../model/filters";
import { ready, type Ready } from "../../model/lanes";
import type { Span } from "../../model/ranges";

/* The lanes of a window of time, kept up to date: whole when the window moves out of what is known, one by one when the
   feed names a worker. */

interface Known {
  since: number;
  /** Null: up to now, and followed. */
  until: number | null;
  lanes: ReadonlyMap<number, Ready>;
  masterMarks: readonly Mark[];
  truncated: boolean;
}

export interface Timeline {
  known: Known | null;
  failure: ApiFailure | null;
  loading: boolean;
}

const FEW = 8;
const MARGIN = 0.15;
const LEAST_PAUSE_MS = 2_000;

function sorted(answer: TimelineAnswer): { lanes: [number, Ready][]; masterMarks: Mark[] } {
  const marks = new Map<number, Mark[]>();
  const masterMarks: Mark[] = [];
  for (const mark of answer.marks) {
    if (mark.workerid === null) masterMarks.push(mark);
    else marks.set(mark.workerid, [...(marks.get(mark.workerid) ?? []), mark]);
  }
  const lanes = answer.lanes.map((lane: Lane): [number, Ready] => [
    lane.workerid,
    ready(lane, marks.get(lane.workerid) ?? []),
  ]);
  return { lanes, masterMarks };
}

async function ask(since: number, until: number | null, workerids: readonly number[] | null) {
  const which = (workerids ?? []).map((id) => `&workerid=${id}`).join("");
  const window = queryOf({ since: since.toFixed(3), until: until === null ? null : until.toFixed(3) });
  return getMany<TimelineAnswer>(`timeline${window}${which}`, "lanes");
}

/** Whether what is known has all of the window, and not far too coarsely. */
function covers(known: Known, span: Span): boolean {
  if (span.since < known.since - 1) return false;
  if (known.until !== null && span.until > known.until + 1) return false;
  return !known.truncated || span.until - span.since > ((known.until ?? serverNow()) - known.since) / 3;
}

/** `workerids`: those alone, or all (null). */
export function useTimeline(span: Span, workerids: readonly number[] | null): Timeline {
  const [timeline, setTimeline] = useState<Timeline>({ known: null, failure: null, loading: true });
  // `asked` numbers the questions: what was asked later is newer. `lanes` says of which one each lane is the answer.
  const state = useRef({
    known: null as Known | null,
    asked: 0,
    whole: 0,
    landed: 0,
    lanes: new Map<number, number>(),
    pauseUntilMs: 0,
    span,
    workerids,
  });
  const which = workerids?.join() ?? "";

  const some = useCallback(async function again(ids: readonly number[]): Promise<void> {
    const now = state.current;
    const { known } = now;
    if (known === null || known.until !== null) return;
    const mine = ++now.asked;
    const answer = await ask(known.since, null, ids).catch(() => null);
    const latest = now.known;
    if (answer === null || latest === null) return;
    // All was asked for meanwhile, perhaps before these had changed.
    if (latest.since !== known.since) return again(ids);
    const fresh = sorted(answer).lanes.filter(([id]) => (now.lanes.get(id) ?? now.landed) < mine);
    for (const [id] of fresh) now.lanes.set(id, mine);
    const next = { ...latest, lanes: new Map([...latest.lanes, ...fresh]) };
    now.known = next;
    setTimeline((before) => ({ ...before, known: next }));
  }, []);

  const whole = useCallback(async () => {
    const now = state.current;
    const mine = (now.whole = ++now.asked);
    const { span: window, workerids: ids } = now;
    const margin = (window.until - window.since) * MARGIN;
    const since = window.since - margin;
    const until = window.until + margin >= serverNow() ? null : window.until + margin;
    const startedMs = performance.now();
    setTimeline((before) => ({ ...before, loading: true }));
    try {
      const answer = await ask(since, until, ids);
      if (mine !== now.whole) return;
      now.pauseUntilMs = performance.now() + Math.max(LEAST_PAUSE_MS, 10 * (performance.now() - startedMs));
      const { lanes, masterMarks } = sorted(answer);
      const known = { since, until, lanes: new Map(lanes), masterMarks, truncated: answer.meta.truncated };
      const newer = [...now.lanes].filter(([, question]) => question > mine).map(([id]) => id);
      now.lanes.clear();
      now.known = known;
      now.landed = mine;
      setTimeline({ known, failure: null, loading: false });
      // They were told anew after this was asked for.
      if (newer.length > 0) void some(newer);
    } catch (error) {
      if (mine === now.whole) setTimeline((before) => ({ ...before, failure: asFailure(error), loading: false }));
    }
  }, [some]);

  // Another choice of workers: all is asked anew. Another window: when it is not known yet, once it has come to rest.
  const asked = useRef<string | null>(null);
  useEffect(() => {
    const now = state.current;
    now.span = span;
    now.workerids = workerids;
    if (asked.current !== which) {
      asked.current = which;
      void whole();
      return;
    }
    if (now.known === null || covers(now.known, span)) return;
    const timer = setTimeout(() => void whole(), 250);
    return () => {
      clearTimeout(timer);
    };
  }, [span, which, workerids, whole]);

  useEffect(() => {
    let changed = new Set<number>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = feed.listen({
      onWorkers: (ids) => {
        for (const id of ids) changed.add(id);
        const waitMs = changed.size <= FEW ? 0 : Math.max(0, state.current.pauseUntilMs - performance.now());
        timer ??= setTimeout(() => {
          timer = undefined;
          const those = [...changed];
          changed = new Set();
          if (those.length > FEW) void whole();
          else void some(those);
        }, waitMs);
      },
      onRefresh: () => {
        if (performance.now() >= state.current.pauseUntilMs) void whole();
      },
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [some, whole]);

  return useMemo(() => timeline, [timeline]);
}
