import type { Recent, RecentEpisode } from "../contract/types";
import { Order } from "../model/order";
import { get } from "./client";
import { feed } from "./live";
import { Source } from "./source";

/* The last episodes of the workers that can be seen, for the sparklines; asked for again when one of them has changed. */

const GATHER_MS = 60;
const AGAIN_MS = 1_000;
const FAILED_MS = 5_000;
const PER_WORKER = 12;
/* The server takes no more at once. */
const MOST_ASKED = 200;
const NONE: readonly RecentEpisode[] = [];

export interface RecentState {
  /** Whether the server has no answer to this at all. */
  absent: boolean;
  known: ReadonlyMap<number, readonly RecentEpisode[]>;
}

export class RecentSource extends Source<RecentState> {
  private readonly order = new Order();
  private askedMs = -AGAIN_MS;
  private busy = false;
  private failed = false;
  private wanted: ReadonlySet<number> = new Set();
  private readonly stale = new Set<number>();

  constructor() {
    super({ absent: false, known: new Map() });
  }

  /** These are on the screen now. */
  want(workerids: readonly number[]) {
    this.wanted = new Set(workerids);
    this.plan();
  }

  protected override start() {
    this.untilTheEnd(
      feed.listen({
        onWorkers: (workerids) => {
          this.forget([...workerids]);
        },
        onRefresh: () => {
          this.forget([...this.getState().known.keys()]);
        },
      }),
    );
    this.plan();
  }

  protected override stop() {
    // What was asked for last is not known, and nobody hears of changes any more.
    this.busy = false;
    for (const id of this.getState().known.keys()) this.stale.add(id);
  }

  private forget(workerids: readonly number[]) {
    for (const id of workerids) this.stale.add(id);
    this.plan();
  }

  /** Those on the screen that are not known as they are now. */
  private missing(): number[] {
    const { absent, known } = this.getState();
    return absent ? [] : [...this.wanted].filter((id) => !known.has(id) || this.stale.has(id));
  }

  private plan() {
    if (this.busy || !this.watched) return;
    const missing = this.missing();
    if (missing.length === 0) return;
    // Those never seen are asked for once the scrolling rests; those that have changed, now and then.
    const { known } = this.getState();
    const pauseMs = this.failed ? FAILED_MS : missing.some((id) => !known.has(id)) ? 0 : AGAIN_MS;
    this.after("ask", Math.max(GATHER_MS, this.askedMs + pauseMs - performance.now()), () => {
      this.askMissing();
    });
  }

  private askMissing() {
    const asked = this.missing().slice(0, MOST_ASKED);
    if (asked.length === 0) return;
    this.busy = true;
    this.askedMs = performance.now();
    for (const id of asked) this.stale.delete(id);
    const which = asked.map((id) => `&workerid=${id}`).join("");
    this.ask(
      this.order,
      get<{ recent: Recent[] }>(`recent?per_worker=${PER_WORKER}${which}`),
      ({ recent }) => {
        // Who is not in the answer has had none.
        const known = new Map(this.getState().known);
        for (const id of asked) known.set(id, NONE);
        for (const { workerid, episodes } of recent) known.set(workerid, episodes);
        this.failed = this.busy = false;
        this.set({ known });
        this.plan();
      },
      ({ status }) => {
        for (const id of asked) this.stale.add(id);
        this.failed = true;
        this.busy = false;
        this.set({ absent: status === 404 });
        this.plan();
      },
    );
  }
}

export const recentSource = new RecentSource();
