import { serverNow, setServerTime, stopTime } from "./clock";
import { ApiFailure, asFailure, get, getMany } from "./client";
import { feed } from "./live";
import { Order } from "../model/order";
import type { MasterStop, Orphan, PageMeta, Worker, WorkersAnswer, WorkersMeta } from "../contract/types";

/* All latent workers, kept up to date: whole at first and by polling, one by one when the feed names them. */

export interface Fleet {
  workers: readonly Worker[];
  meta: WorkersMeta | null;
  /** Null until known. */
  stops: readonly MasterStop[] | null;
  /** The server's time of what is told of the stops. */
  stopsAt: number;
  /** The newest open ones. */
  orphans: readonly Orphan[] | null;
  /** How many are open in all; null where it is not known. */
  openOrphans: number | null;
  failure: ApiFailure | null;
  /** When the last whole answer came, in the browser's time; null before the first. */
  at: number | null;
}

/* So many that have changed are asked for one by one in any case; more of them, while that is cheaper than to ask for all. */
const FEW = 8;
const MANY = 60;
const ONE_MS = 10;
const SIDE_EVERY_MS = 2_000;
const SIDE_WITHIN_MS = 300;

const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

const NOTHING: Fleet = {
  workers: [],
  meta: null,
  stops: null,
  stopsAt: 0,
  orphans: null,
  openOrphans: null,
  failure: null,
  at: null,
};

/* A look that takes so long, and three times as long as the last one, is told as no answer. */
const LATE_MS = 5_000;

/** Fetches the workers and takes the server's time from the answer. */
export async function fetchWorkers(path: string): Promise<WorkersAnswer> {
  const asked = Date.now() / 1000;
  const answer = await getMany<WorkersAnswer>(path, "workers").catch((error: unknown) => {
    const { status } = asFailure(error);
    if (status === 0 || status >= 500) stopTime();
    throw error;
  });
  setServerTime(answer.meta.now, asked, Date.now() / 1000);
  return answer;
}

export class FleetStore {
  private fleet: Fleet = NOTHING;
  private readonly watchers = new Set<() => void>();
  private readonly readers = new Set<() => void>();
  private stopListening: (() => void) | null = null;
  private busy = false;
  private again = false;
  private readonly missed = new Set<number>();
  private nextWholeMs = 0;
  private wholeCostMs = 0;
  private wholeTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly side = new Order();
  private sideAtMs = -SIDE_EVERY_MS;
  private sideTimer: ReturnType<typeof setTimeout> | undefined;

  readonly snapshot = () => this.fleet;
  readonly watch = (watcher: () => void) => {
    this.watchers.add(watcher);
    if (this.stopListening === null) {
      this.stopListening = feed.listen({
        onRefresh: () => void this.fetchAll(),
        onWorkers: (workerids) => void this.fetchSome(workerids),
      });
      void this.fetchAll();
    }
    return () => {
      this.watchers.delete(watcher);
      if (this.watchers.size === 0) {
        this.stopListening?.();
        this.stopListening = null;
        clearTimeout(this.wholeTimer);
        clearTimeout(this.sideTimer);
        this.wholeTimer = this.sideTimer = undefined;
        this.again = false;
        this.missed.clear();
      }
    };
  };
  /** Whether the fleet is being kept up to date now, so that others need not ask on their own. */
  get current() {
    return this.stopListening !== null && this.fleet.at !== null && this.fleet.failure === null;
  }

  /** Hears of changes without keeping the fleet up to date. */
  readAlong(reader: () => void): () => void {
    this.readers.add(reader);
    return () => {
      this.readers.delete(reader);
    };
  }

  readonly reload = () => {
    void this.fetchAll();
  };

  private set(change: Partial<Fleet>) {
    this.fleet = { ...this.fleet, ...change };
    [...this.watchers, ...this.readers].forEach((tell) => {
      tell();
    });
  }

  private async fetchAll() {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    clearTimeout(this.wholeTimer);
    this.wholeTimer = undefined;
    const startedMs = performance.now();
    // At first all comes at once, or the table would be pushed down by what stands above it.
    const first = this.fleet.at === null;
    const side = first ? this.fetchSide() : null;
    const lateMs = Math.max(LATE_MS, 3 * this.wholeCostMs);
    const lateTimer = setTimeout(() => {
      if (first || this.stopListening === null) return;
      stopTime();
      this.set({ failure: new ApiFailure(0, "late", `Buildbot has not answered for ${Math.round(lateMs / 1000)} s.`) });
    }, lateMs);
    try {
      const { workers, meta } = await fetchWorkers("workers");
      const cost = performance.now() - startedMs;
      feed.reportCost(cost);
      this.wholeCostMs = cost;
      this.nextWholeMs = performance.now() + Math.max(1_000, 10 * cost);
      if (side !== null) await Promise.race([side, pause(SIDE_WITHIN_MS)]);
      this.set({ workers, meta, failure: null, at: Date.now() / 1000 });
      void this.fetchSide();
    } catch (error) {
      // Whatever the reason: what is shown is as old as the last answer.
      stopTime();
      this.set({ failure: asFailure(error) });
    } finally {
      clearTimeout(lateTimer);
      this.busy = false;
      if (this.again) {
        this.again = false;
        this.wholeSoon();
      } else if (this.missed.size > 0) {
        // They changed while the whole was on its way: it may have them as they were before.
        const missed = new Set(this.missed);
        this.missed.clear();
        void this.fetchSome(missed);
      }
    }
  }

  private wholeSoon() {
    if (this.stopListening === null) return;
    this.wholeTimer ??= setTimeout(
      () => {
        this.wholeTimer = undefined;
        void this.fetchAll();
      },
      Math.max(0, this.nextWholeMs - performance.now()),
    );
  }

  private async fetchSome(workerids: ReadonlySet<number>) {
    if (this.busy) {
      for (const id of workerids) this.missed.add(id);
      return;
    }
    const few = Math.min(MANY, Math.max(FEW, this.wholeCostMs / ONE_MS));
    if (workerids.size > few || this.fleet.at === null) {
      this.wholeSoon();
      return;
    }
    try {
      const answers = await Promise.all([...workerids].map((id) => fetchWorkers(`workers/${id}`)));
      const fresh = new Map(answers.flatMap((answer) => answer.workers).map((worker) => [worker.workerid, worker]));
      const workers = this.fleet.workers.map((worker) => {
        const found = fresh.get(worker.workerid);
        fresh.delete(worker.workerid);
        return found !== undefined && found.updated_at >= worker.updated_at ? found : worker;
      });
      const meta = answers[0]?.meta;
      const behind =
        meta === undefined || this.fleet.meta === null ? {} : { meta: { ...this.fleet.meta, behind: meta.behind } };
      this.set({ workers: [...workers, ...fresh.values()], ...behind });
      void this.fetchSide();
    } catch {
      // A worker that is gone, or no answer: a whole look tells which.
      this.wholeSoon();
    }
  }

  /** What blocks the stop and what may still run. The page stands without them, so a failure here is not shown. */
  private async fetchSide() {
    // All is looked at again when the page is opened, or its tab is seen.
    if (this.stopListening === null) return;
    if (document.hidden && this.fleet.at !== null) return;
    const waitMs = this.sideAtMs + SIDE_EVERY_MS - performance.now();
    if (waitMs > 0) {
      this.sideTimer ??= setTimeout(() => {
        this.sideTimer = undefined;
        void this.fetchSide();
      }, waitMs);
      return;
    }
    this.sideAtMs = performance.now();
    const mine = this.side.ask();
    const failures: number[] = [];
    const not = (error: unknown) => {
      failures.push(asFailure(error).status);
      return null;
    };
    const [stops, orphans] = await Promise.all([
      get<{ shutdown: MasterStop[]; meta?: { now?: number } }>("shutdown").catch(not),
      get<{ orphans: Orphan[]; meta?: PageMeta }>("orphans?open=true&limit=200").catch(not),
    ]);
    if (!this.side.takes(mine)) return;
    if (failures.includes(0)) {
      // What was known stays, as of then; whether the master is gone is said by a look at all.
      this.wholeSoon();
      return;
    }
    const open = orphans?.orphans.filter((orphan) => orphan.closed_at === null) ?? null;
    // An older server does not tell how many there are: the list tells it where it is not cut.
    const all = orphans?.meta?.next == null ? (open?.length ?? null) : null;
    this.set({
      stops: stops?.shutdown ?? null,
      stopsAt: stops?.meta?.now ?? serverNow(),
      orphans: open,
      openOrphans: orphans?.meta?.open ?? all,
    });
  }
}

export const fleetStore = new FleetStore();
