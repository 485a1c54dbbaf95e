import type { Lane, Mark, TimelineAnswer } from "../../contract/types";
import { queryOf } from "../../model/filters";
import { keyOf, workeridOf, type Key } from "../../model/key";
import { ready, type Ready } from "../../model/lanes";
import { Order } from "../../model/order";
import type { Span } from "../../model/ranges";
import { getMany, type ApiFailure } from "../../server/client";
import { serverNow } from "../../server/clock";
import { feed } from "../../server/live";
import { Source } from "../../server/source";

/* The lanes of a window of time, kept up to date: whole when the window moves out of what is known, one by one when the
   feed names a worker. */

export interface Known {
  since: number;
  /** Null: up to now, and followed. */
  until: number | null;
  lanes: ReadonlyMap<Key, Ready>;
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
/** A window that moves is asked for once it has come to rest. */
const REST_MS = 250;

function sorted(answer: TimelineAnswer): { lanes: [Key, Ready][]; masterMarks: Mark[] } {
  const marks = new Map<Key, Mark[]>();
  const masterMarks: Mark[] = [];
  for (const mark of answer.marks) {
    const { workerid, masterid } = mark;
    if (workerid === null) {
      masterMarks.push(mark);
      continue;
    }
    const key = keyOf({ workerid, masterid });
    marks.set(key, [...(marks.get(key) ?? []), mark]);
  }
  const lanes = answer.lanes.map((lane: Lane): [Key, Ready] => [
    keyOf(lane),
    ready(lane, marks.get(keyOf(lane)) ?? []),
  ]);
  return { lanes, masterMarks };
}

async function fetchLanes(since: number, until: number | null, workerids: readonly number[] | null) {
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

export class TimelineSource extends Source<Timeline> {
  private readonly order = new Order();
  private changed = new Set<number>();
  private pauseUntilMs = 0;
  private span: Span | null = null;
  private workerids: readonly number[] | null = null;

  constructor() {
    super({ known: null, failure: null, loading: true });
  }

  /** What is looked at now. `workerids`: those alone, or all (null). */
  show(span: Span, workerids: readonly number[] | null) {
    const first = this.span === null;
    const others = workerids?.join() !== this.workerids?.join();
    this.span = span;
    this.workerids = workerids;
    this.cancel("move");
    const { known } = this.getState();
    if (first || others) this.askWindow();
    else if (known !== null && !covers(known, span)) {
      this.after("move", REST_MS, () => {
        this.askWindow();
      });
    }
  }

  protected override start() {
    this.untilTheEnd(
      feed.listen({
        onWorkers: (ids) => {
          this.onChanged(ids);
        },
        onRefresh: () => {
          if (performance.now() >= this.pauseUntilMs) this.askAll();
        },
      }),
    );
    if (this.span !== null) this.askWindow();
  }

  private onChanged(ids: ReadonlySet<number>) {
    for (const id of ids) this.changed.add(id);
    const waitMs = this.changed.size <= FEW ? 0 : Math.max(0, this.pauseUntilMs - performance.now());
    this.soon("changed", waitMs, () => {
      const those = [...this.changed];
      this.changed = new Set();
      if (those.length > FEW) this.askAll();
      else this.askFor(those);
    });
  }

  /** Another window, or other workers: answers about those before are not wanted. */
  private askWindow() {
    this.order.forget();
    this.askAll();
  }

  private askAll() {
    if (this.span === null) return;
    const margin = (this.span.until - this.span.since) * MARGIN;
    const since = this.span.since - margin;
    const until = this.span.until + margin >= serverNow() ? null : this.span.until + margin;
    const startedMs = performance.now();
    this.set({ loading: true });
    this.ask(
      this.order,
      fetchLanes(since, until, this.workerids),
      (answer, question) => {
        const tookMs = performance.now() - startedMs;
        this.pauseUntilMs = performance.now() + Math.max(LEAST_PAUSE_MS, 10 * tookMs);
        const { lanes, masterMarks } = sorted(answer);
        const known = { since, until, lanes: new Map(lanes), masterMarks, truncated: answer.meta.truncated };
        this.set({ known, failure: null, loading: false });
        // They were told anew after this was asked for.
        const newer = this.order.newerParts(question);
        if (newer.length > 0) this.askFor(newer);
      },
      (failure) => {
        this.set({ failure, loading: false });
      },
    );
  }

  private askFor(ids: readonly number[]) {
    const { known } = this.getState();
    if (known === null || known.until !== null) return;
    this.askSome(
      this.order,
      fetchLanes(known.since, null, ids),
      (answer, wanted) => {
        const latest = this.getState().known;
        if (latest === null) return;
        // All was asked for meanwhile, perhaps before these had changed.
        if (latest.since !== known.since) {
          this.askFor(ids);
          return;
        }
        const fresh = sorted(answer).lanes.filter(([key]) => wanted(workeridOf(key)));
        this.set({ known: { ...latest, lanes: new Map([...latest.lanes, ...fresh]) } });
      },
      () => undefined,
    );
  }
}
