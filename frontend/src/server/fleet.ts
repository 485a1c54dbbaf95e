import type { MasterStop, Orphan, PageMeta, Worker, WorkersAnswer, WorkersMeta } from "../contract/types";
import { keyOf } from "../model/key";
import { oneWorker } from "../model/links";
import { Order } from "../model/order";
import { ApiFailure, asFailure, get } from "./client";
import { serverNow, stopTime } from "./clock";
import { feed } from "./live";
import { Source } from "./source";
import { fetchWorkers } from "./workers";

/* All latent workers, kept up to date: whole at first and by polling, one by one when the feed names them. */

export interface Fleet {
  workers: readonly Worker[];
  meta: WorkersMeta | null;
  /** Null until known. */
  stops: readonly MasterStop[] | null;
  /** The server's time of what is told of the stops. */
  stopsAt: number;
  /** How many entries of the ledger are open; null where it is not known. */
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

const NOTHING: Fleet = {
  workers: [],
  meta: null,
  stops: null,
  stopsAt: 0,
  openOrphans: null,
  failure: null,
  at: null,
};

/* A look that takes so long, and three times as long as the last one, is told as no answer. */
const LATE_MS = 5_000;

interface Side {
  stops: { shutdown: MasterStop[]; meta?: { now?: number } } | null;
  orphans: { orphans: Orphan[]; meta?: PageMeta } | null;
  /** Whether the server was heard of both. */
  heard: boolean;
}

/** What blocks the stop and what may still run. The page stands without them: a failure here is none of the page. */
async function fetchSide(): Promise<Side> {
  let heard = true;
  const not = (error: unknown) => {
    if (asFailure(error).status === 0) heard = false;
    return null;
  };
  const [stops, orphans] = await Promise.all([
    get<NonNullable<Side["stops"]>>("shutdown").catch(not),
    get<NonNullable<Side["orphans"]>>("orphans?open=true&limit=1").catch(not),
  ]);
  return { stops, orphans, heard };
}

export class FleetSource extends Source<Fleet> {
  private readonly order = new Order();
  private readonly sideOrder = new Order();
  /** A look at all is under way: no other is begun, and who changes meanwhile is asked for afterwards. */
  private busy = false;
  private again = false;
  private readonly missed = new Set<number>();
  private nextWholeMs = 0;
  private wholeCostMs = 0;
  private sideAtMs = -SIDE_EVERY_MS;

  constructor() {
    super(NOTHING);
  }

  /** Whether the fleet is being kept up to date now, so that others need not ask on their own. */
  get current() {
    const { at, failure } = this.getState();
    return this.watched && at !== null && failure === null;
  }

  readonly reload = () => {
    if (this.watched) this.askAll();
  };

  protected override start() {
    this.untilTheEnd(
      feed.listen({
        onRefresh: this.reload,
        onWorkers: (workerids) => {
          this.askFor(workerids);
        },
      }),
    );
    this.askAll();
  }

  protected override stop() {
    this.busy = this.again = false;
    this.missed.clear();
  }

  private askAll() {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    this.cancel("whole");
    const first = this.getState().at === null;
    const side = first ? this.askSide() : null;
    if (!first) this.expectAnswer();
    this.ask(
      this.order,
      this.fetchAll(side),
      ({ workers, meta }) => {
        this.set({ workers, meta, failure: null, at: Date.now() / 1000 });
        void this.askSide();
        this.settle();
      },
      (failure) => {
        // Whatever the reason: what is shown is as old as the last answer.
        stopTime();
        this.set({ failure });
        this.settle();
      },
    );
  }

  private async fetchAll(side: Promise<unknown> | null): Promise<WorkersAnswer> {
    const startedMs = performance.now();
    const answer = await fetchWorkers("workers");
    const cost = performance.now() - startedMs;
    feed.reportCost(cost);
    this.wholeCostMs = cost;
    this.nextWholeMs = performance.now() + Math.max(1_000, 10 * cost);
    // At first all comes at once, or the table would be pushed down by what stands above it.
    if (side !== null) await Promise.race([side, this.pause(SIDE_WITHIN_MS)]);
    return answer;
  }

  /** A look that takes too long is told before its answer comes. */
  private expectAnswer() {
    const lateMs = Math.max(LATE_MS, 3 * this.wholeCostMs);
    this.after("late", lateMs, () => {
      stopTime();
      const text = `Buildbot has not answered for ${Math.round(lateMs / 1000)} s.`;
      this.set({ failure: new ApiFailure(0, "late", text) });
    });
  }

  /** The look at all is over. */
  private settle() {
    this.cancel("late");
    this.busy = false;
    const missed = new Set(this.missed);
    this.missed.clear();
    if (this.again) {
      this.again = false;
      this.askAllSoon();
    } else if (missed.size > 0) {
      // They changed while the whole was on its way: it may have them as they were before.
      this.askFor(missed);
    }
  }

  private askAllSoon() {
    this.soon("whole", Math.max(0, this.nextWholeMs - performance.now()), () => {
      this.askAll();
    });
  }

  private askFor(workerids: ReadonlySet<number>) {
    if (this.busy) {
      for (const id of workerids) this.missed.add(id);
      return;
    }
    const few = Math.min(MANY, Math.max(FEW, this.wholeCostMs / ONE_MS));
    if (workerids.size > few || this.getState().at === null) {
      this.askAllSoon();
      return;
    }
    this.askSome(
      this.order,
      Promise.all(this.addresses(workerids).map((address) => fetchWorkers(address))),
      (answers, wanted) => {
        const told = answers.flatMap(({ workers }) => workers).filter(({ workerid }) => wanted(workerid));
        const fresh = new Map(told.map((worker) => [keyOf(worker), worker]));
        const known = this.getState();
        const workers = known.workers.map((worker) => {
          const found = fresh.get(keyOf(worker));
          fresh.delete(keyOf(worker));
          return found ?? worker;
        });
        const behind = answers[0]?.meta.behind;
        const meta = behind === undefined || known.meta === null ? known.meta : { ...known.meta, behind };
        this.set({ workers: [...workers, ...fresh.values()], meta });
        void this.askSide();
      },
      () => {
        // A worker that is gone, or no answer: a whole look tells which.
        this.askAllSoon();
      },
    );
  }

  /** Each of them by itself: of a name that several masters have, that of each. One more such is found by a whole look. */
  private addresses(workerids: ReadonlySet<number>): string[] {
    const known = this.getState().workers.filter(({ workerid }) => workerids.has(workerid));
    const many = known.filter((one) => known.some((each) => each !== one && each.workerid === one.workerid));
    const shared = new Set(many.map(({ workerid }) => workerid));
    const alone = [...workerids].filter((id) => !shared.has(id));
    return [...alone.map((id) => `workers/${id}`), ...many.map(oneWorker)];
  }

  /** Done once it was answered, or at once where it has to wait. */
  private askSide(): Promise<unknown> {
    // All is looked at again when the tab is seen.
    if (document.hidden && this.getState().at !== null) return Promise.resolve();
    const waitMs = this.sideAtMs + SIDE_EVERY_MS - performance.now();
    if (waitMs > 0) {
      this.soon("side", waitMs, () => void this.askSide());
      return Promise.resolve();
    }
    this.sideAtMs = performance.now();
    const question = fetchSide();
    this.ask(
      this.sideOrder,
      question,
      (side) => {
        this.takeSide(side);
      },
      () => undefined,
    );
    return question;
  }

  private takeSide({ stops, orphans, heard }: Side) {
    if (!heard) {
      // What was known stays, as of then; whether the master is gone is said by a look at all.
      this.askAllSoon();
      return;
    }
    // An older server does not count them; that there is none is seen.
    const none = orphans?.orphans.length === 0 ? 0 : null;
    this.set({
      stops: stops?.shutdown ?? null,
      stopsAt: stops?.meta?.now ?? serverNow(),
      openOrphans: orphans?.meta?.open ?? none,
    });
  }
}

export const fleetSource = new FleetSource();
