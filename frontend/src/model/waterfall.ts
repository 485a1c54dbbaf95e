import type { Episode, LifecycleEvent, State } from "../api/types";
import { durationTicks } from "./ticks";
import { tell } from "./events";
import { stateWords } from "./words";

/* An episode from its beginning to its end: its phases, and inside of them the calls, builds and steps. All as rows with
   a beginning and an end in seconds from the start of the episode, so that the drawing and its numbers are the same. */

export interface Fall {
  kind: "phase" | "call" | "build" | "mark";
  label: string;
  state: State | null;
  from: number;
  /** Null for what has no length. */
  to: number | null;
  /** It goes on. */
  open: boolean;
  bad: boolean;
  detail: string;
}

export interface Waterfall {
  rows: Fall[];
  seconds: number;
  ticks: number[];
}

/** Beginnings and their ends, by kind; what of the event tells which end belongs to which beginning. */
const PAIRS: Record<string, { end: string; kind: "call" | "build"; key: (data: Record<string, unknown>) => string }> = {
  call_started: { end: "call_ended", kind: "call", key: (data) => String(data.call) },
  build_started: { end: "build_finished", kind: "build", key: (data) => JSON.stringify(data.build) },
};
const ENDS = new Set(Object.values(PAIRS).map((pair) => pair.end));
/** Told by the phases, or by rows of their own. */
const UNTOLD = new Set(["transition", "baseline", "asked"]);

export function waterfall(episode: Episode, events: readonly LifecycleEvent[], now: number): Waterfall {
  const start = episode.started_at;
  const end = episode.ended_at ?? now;
  const phases = episode.phases.map((phase): Fall => ({
    kind: "phase",
    label: stateWords(phase.state).label,
    state: phase.state,
    from: phase.since - start,
    to: (phase.until ?? end) - start,
    open: phase.until === null && episode.ended_at === null,
    bad: false,
    detail: stateWords(phase.state).gloss,
  }));
  const inOrder = [...events].sort((a, b) => a.at - b.at || a.id - b.id);
  const used = new Set<LifecycleEvent>();
  const others = inOrder.flatMap((event): Fall[] => {
    const pair = PAIRS[event.kind];
    const told = tell(event);
    const from = event.at - start;
    if (pair === undefined) {
      const orphaned = ENDS.has(event.kind) && !used.has(event);
      if (UNTOLD.has(event.kind) || (ENDS.has(event.kind) && !orphaned)) return [];
      return [
        {
          kind: "mark",
          label: told.text,
          state: null,
          from,
          to: null,
          open: false,
          bad: told.tone === "bad",
          detail: "",
        },
      ];
    }
    const found = inOrder.find(
      (other) =>
        other.kind === pair.end &&
        !used.has(other) &&
        (other.at > event.at || (other.at === event.at && other.id > event.id)) &&
        pair.key(other.data) === pair.key(event.data),
    );
    if (found !== undefined) used.add(found);
    const ended = found === undefined ? null : tell(found);
    return [
      {
        kind: pair.kind,
        label: pair.kind === "call" ? String(event.data.call) : told.text.replace(/ started$/, ""),
        state: null,
        from,
        to: (found?.at ?? end) - start,
        open: found === undefined && episode.ended_at === null,
        bad: ended?.tone === "bad",
        detail: ended?.text ?? (episode.ended_at === null ? "has not ended" : "its end was not seen"),
      },
    ];
  });
  const last = Math.max(end - start, ...[...phases, ...others].map((row) => row.to ?? row.from));
  const seconds = Math.max(last, 0.001);
  return { rows: [...phases, ...others], seconds, ticks: seconds < 5 ? [] : durationTicks(seconds, 6) };
}
