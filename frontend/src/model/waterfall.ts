import type { Episode, LaneBuild, LifecycleEvent, State } from "../contract/types";
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

/** Told by the phases, or by rows of their own. */
const UNTOLD = new Set(["transition", "baseline", "asked", "build_started", "build_finished"]);

/** The calls, each from its beginning to its end. */
function callsOf(events: readonly LifecycleEvent[], start: number, end: number, over: boolean): Fall[] {
  const ends = events.filter((event) => event.kind === "call_ended");
  return events
    .filter((event) => event.kind === "call_started")
    .map((event): Fall => {
      const at = ends.findIndex((other) => other.id > event.id && other.data.call === event.data.call);
      const [found] = at === -1 ? [] : ends.splice(at, 1);
      const ended = found === undefined ? null : tell(found);
      return {
        kind: "call",
        label: String(event.data.call),
        state: null,
        from: event.at - start,
        to: (found?.at ?? end) - start,
        open: found === undefined && !over,
        bad: ended?.tone === "bad",
        detail: ended?.text ?? (over ? "its end was not seen" : "has not ended"),
      };
    });
}

export function waterfall(
  episode: Episode,
  events: readonly LifecycleEvent[],
  builds: readonly LaneBuild[],
  now: number,
): Waterfall {
  const start = episode.started_at;
  const over = episode.ended_at !== null;
  const end = episode.ended_at ?? now;
  const inOrder = [...events].sort((a, b) => a.at - b.at || a.id - b.id);
  const phases = episode.phases.map((phase): Fall => ({
    kind: "phase",
    label: stateWords(phase.state).label,
    state: phase.state,
    from: phase.since - start,
    to: (phase.until ?? end) - start,
    open: phase.until === null && !over,
    bad: false,
    detail: stateWords(phase.state).gloss,
  }));
  const work = builds.map(([since, until, builder, number]): Fall => ({
    kind: "build",
    label: number === null ? builder : `${builder} #${number}`,
    state: null,
    from: Math.max(0, since - start),
    to: (until ?? end) - start,
    open: until === null && !over,
    bad: false,
    detail: since < start ? "waited for the instance before" : "build",
  }));
  const marks = inOrder
    .filter((event) => !UNTOLD.has(event.kind) && !event.kind.startsWith("call_"))
    .map((event): Fall => {
      const { text, tone } = tell(event);
      const from = event.at - start;
      return { kind: "mark", label: text, state: null, from, to: null, open: false, bad: tone === "bad", detail: "" };
    });
  const inner = [...callsOf(inOrder, start, end, over), ...work, ...marks].sort((a, b) => a.from - b.from);
  const rows = [...phases, ...inner];
  const seconds = Math.max(0.001, end - start, ...rows.map((row) => row.to ?? row.from));
  return { rows, seconds, ticks: seconds < 5 ? [] : durationTicks(seconds, 6) };
}
