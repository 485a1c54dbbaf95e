import { asFailure, get } from "./client";
import { feed } from "./live";
import type { Recent, RecentEpisode } from "../contract/types";

/* The last episodes of the workers that can be seen, for the sparklines; asked for again when one of them has changed. */

const GATHER_MS = 60;
const AGAIN_MS = 1_000;
const FAILED_MS = 5_000;
const PER_WORKER = 12;
/* The server takes no more at once. */
const MOST_ASKED = 200;
const NONE: readonly RecentEpisode[] = [];

class RecentStore {
  /** Whether the server has an answer to this at all. */
  private absent = false;
  private askedMs = -AGAIN_MS;
  private busy = false;
  private failed = false;
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
    this.plan();
  }

  private forget(workerids: readonly number[]) {
    for (const id of workerids) this.stale.add(id);
    this.plan();
  }

  /** Those on the screen that are not known as they are now. */
  private missing(): number[] {
    return this.absent ? [] : [...this.wanted].filter((id) => !this.known.has(id) || this.stale.has(id));
  }

  private plan() {
    if (this.busy || this.watchers.size === 0) return;
    const missing = this.missing();
    if (missing.length === 0) return;
    // Those never seen are asked for once the scrolling rests; those that have changed, now and then.
    const pauseMs = this.failed ? FAILED_MS : missing.some((id) => !this.known.has(id)) ? 0 : AGAIN_MS;
    const waitMs = Math.max(GATHER_MS, this.askedMs + pauseMs - performance.now());
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(), waitMs);
  }

  private async ask() {
    this.timer = undefined;
    const asked = this.missing().slice(0, MOST_ASKED);
    if (asked.length === 0) return;
    this.busy = true;
    this.askedMs = performance.now();
    for (const id of asked) this.stale.delete(id);
    const which = asked.map((id) => `&workerid=${id}`).join("");
    try {
      const { recent } = await get<{ recent: Recent[] }>(`recent?per_worker=${PER_WORKER}${which}`);
      // Who is not in the answer has had none.
      for (const id of asked) this.known.set(id, NONE);
      for (const { workerid, episodes } of recent) this.known.set(workerid, episodes);
      this.failed = false;
    } catch (error) {
      this.absent = asFailure(error).status === 404;
      this.failed = true;
      for (const id of asked) this.stale.add(id);
    }
    this.busy = false;
    this.watchers.forEach((watcher) => {
      watcher();
    });
    this.plan();
  }
}

export const recentStore = new RecentStore();
