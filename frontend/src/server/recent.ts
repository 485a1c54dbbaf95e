import type { Recent, RecentEpisode } from "../contract/types";
import { keyOf, workeridOf, type Key } from "../model/key";
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
  known: ReadonlyMap<Key, readonly RecentEpisode[]>;
}

export class RecentSource extends Source<RecentState> {
  private readonly order = new Order();
  private askedMs = -AGAIN_MS;
  private busy = false;
  private failed = false;
  private wanted: ReadonlySet<Key> = new Set();
  private readonly stale = new Set<Key>();

  constructor() {
    super({ absent: false, known: new Map() });
  }

  /** These are on the screen now. */
  want(workers: readonly Key[]) {
    this.wanted = new Set(workers);
    this.plan();
  }

  protected override start() {
    this.untilTheEnd(
      feed.listen({
        onWorkers: (workerids) => {
          const { known } = this.getState();
          this.forget([...known.keys(), ...this.wanted].filter((key) => workerids.has(workeridOf(key))));
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
    for (const key of this.getState().known.keys()) this.stale.add(key);
  }

  private forget(workers: readonly Key[]) {
    for (const key of workers) this.stale.add(key);
    this.plan();
  }

  /** Those on the screen that are not known as they are now. */
  private missing(): Key[] {
    const { absent, known } = this.getState();
    return absent ? [] : [...this.wanted].filter((key) => !known.has(key) || this.stale.has(key));
  }

  private plan() {
    if (this.busy || !this.watched) return;
    const missing = this.missing();
    if (missing.length === 0) return;
    // Those never seen are asked for once the scrolling rests; those that have changed, now and then.
    const { known } = this.getState();
    const pauseMs = this.failed ? FAILED_MS : missing.some((key) => !known.has(key)) ? 0 : AGAIN_MS;
    this.after("ask", Math.max(GATHER_MS, this.askedMs + pauseMs - performance.now()), () => {
      this.askMissing();
    });
  }

  private askMissing() {
    const asked = this.missing().slice(0, MOST_ASKED);
    if (asked.length === 0) return;
    this.busy = true;
    this.askedMs = performance.now();
    for (const key of asked) this.stale.delete(key);
    // Several masters may have one of them: those that were not asked for come along, and are left out.
    const ids = new Set(asked.map(workeridOf));
    const which = [...ids].map((id) => `&workerid=${id}`).join("");
    this.ask(
      this.order,
      get<{ recent: Recent[] }>(`recent?per_worker=${PER_WORKER}${which}`),
      ({ recent }) => {
        // Who is not in the answer has had none.
        const known = new Map(this.getState().known);
        for (const key of asked) known.set(key, NONE);
        for (const one of recent) if (known.has(keyOf(one))) known.set(keyOf(one), one.episodes);
        this.failed = this.busy = false;
        this.set({ known });
        this.plan();
      },
      ({ status }) => {
        for (const key of asked) this.stale.add(key);
        this.failed = true;
        this.busy = false;
        this.set({ absent: status === 404 });
        this.plan();
      },
    );
  }
}

export const recentSource = new RecentSource();
