import { asFailure, get } from "./client";
import { fleetStore } from "./fleet";
import { feed } from "./live";
import type { Recent, RecentEpisode } from "./types";

/* The last episodes of the workers, for the sparklines; asked for again when one that can be seen has changed. */

const GATHER_MS = 60;
const AGAIN_MS = 1_000;
const PER_WORKER = 12;
/* Of thousands of workers, fewer each. */
const MANY = 1_000;
const FEWER = 6;
const NONE: readonly RecentEpisode[] = [];

class RecentStore {
  /** Whether the server has an answer to this at all. */
  private absent = false;
  private againMs = AGAIN_MS;
  private readonly known = new Map<number, readonly RecentEpisode[]>();
  private wanted: ReadonlySet<number> = new Set();
  private readonly stale = new Set<number>();
  private readonly watchers = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopListening: (() => void) | null = null;

  readonly watch = (watcher: () => void) => {
    this.watchers.add(watcher);
    this.stopListening ??= feed.listen({
      onWorkers: (workerids) => {
        this.forget([...workerids]);
      },
      onRefresh: () => {
        this.forget([...this.known.keys()]);
      },
    });
    return () => {
      this.watchers.delete(watcher);
      if (this.watchers.size > 0) return;
      this.stopListening?.();
      this.stopListening = null;
      clearTimeout(this.timer);
      this.timer = undefined;
    };
  };

  /** Null while it is not known, "absent" where the server cannot tell. */
  of(workerid: number): readonly RecentEpisode[] | "absent" | null {
    return this.absent ? "absent" : (this.known.get(workerid) ?? null);
  }

  /** These are on the screen now. */
  want(workerids: readonly number[]) {
    this.wanted = new Set(workerids);
    if (!this.absent && workerids.some((id) => !this.known.has(id) || this.stale.has(id))) this.soon(GATHER_MS);
  }

  private forget(workerids: readonly number[]) {
    if (this.absent) return;
    for (const id of workerids) this.stale.add(id);
    if (workerids.some((id) => this.wanted.has(id))) this.soon(this.againMs);
  }

  private soon(ms: number) {
    this.timer ??= setTimeout(() => void this.ask(), ms);
  }

  private async ask() {
    const startedMs = performance.now();
    this.stale.clear();
    try {
      const { recent } = await get<{ recent: Recent[] }>(
        `recent?per_worker=${fleetStore.snapshot().workers.length > MANY ? FEWER : PER_WORKER}`,
      );
      // Who is not in the answer has had none.
      for (const id of this.wanted) this.known.set(id, NONE);
      for (const { workerid, episodes } of recent) this.known.set(workerid, episodes);
    } catch (error) {
      if (asFailure(error).status === 404) this.absent = true;
    }
    // It tells of all workers at once: where that takes long, it is asked for more rarely.
    this.againMs = Math.max(AGAIN_MS, 20 * (performance.now() - startedMs));
    this.timer = undefined;
    this.watchers.forEach((watcher) => {
      watcher();
    });
    if (!this.absent && [...this.wanted].some((id) => !this.known.has(id) || this.stale.has(id)))
      this.soon(this.againMs);
  }
}

export const recentStore = new RecentStore();
