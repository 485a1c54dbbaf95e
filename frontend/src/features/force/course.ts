import type { Action, DryRun, Worker } from "../../contract/types";
import { keyOf, type Key, type Which } from "../../model/key";
import { oneWorker } from "../../model/links";
import { Order } from "../../model/order";
import { pausesAfterwards } from "../../model/refusals";
import { asFailure, dryRun, forceDisconnect, type ApiFailure } from "../../server/client";
import { fleetSource } from "../../server/fleet";
import { outcomes } from "../../server/outcomes";
import { Source } from "../../server/source";
import { fetchWorkers } from "../../server/workers";

/* The course of a forced disconnect of one worker or of several: look (dry run), ask, hear what came of it. Each is looked
   at, each is asked for by itself, and each has its own result: one that cannot be done does not keep the others from it. */

export interface One {
  /** As it was looked at: what the table shows later is not what the reader decides on. */
  worker: Worker;
  /** The last dry run; stays while the next is under way, so that nothing jumps. */
  plan: DryRun | null;
  looking: boolean;
  sending: boolean;
  /** Why there is no plan, or no action. */
  failure: ApiFailure | null;
  /** What was asked for; its outcome is missing while the owning master has not said what came of it. */
  action: Action | null;
}

export interface Course {
  ones: readonly One[];
  /** Null until the reader has said it: then what is configured holds, which the dry run shows. */
  pause: boolean | null;
  override: boolean;
  sent: "no" | "sending" | "sent";
}

const AT_ONCE = 3;

/** A few at a time, in their order. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>) {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

export class ForceCourse extends Source<Course> {
  private readonly orders: ReadonlyMap<Key, Order>;

  constructor(workers: readonly Worker[]) {
    const untouched = { plan: null, looking: true, sending: false, failure: null, action: null };
    super({ ones: workers.map((worker) => ({ worker, ...untouched })), pause: null, override: false, sent: "no" });
    this.orders = new Map(workers.map((worker) => [keyOf(worker), new Order()]));
  }

  protected override start() {
    this.untilTheEnd(
      outcomes.subscribe(() => {
        this.takeNews();
      }),
    );
    const unseen = this.getState().ones.filter(({ plan }) => plan === null);
    void each(unseen, async ({ worker }) => {
      if (this.watched) await this.look(worker);
    });
  }

  /** Other wishes: what would be done is asked for anew. */
  wish(wish: { pause: boolean } | { override: boolean }) {
    this.set(wish);
    for (const { worker } of this.getState().ones) void this.look(worker);
  }

  /** Looks at the worker as it is by now, and at what would be done to it. An override was for what it was before. */
  lookAgain(known: Worker) {
    this.set({ override: false });
    this.ask(
      this.begin(known),
      fetchWorkers(oneWorker(known)),
      ({ workers: [worker] }) => {
        if (worker !== undefined) void this.look(worker);
      },
      (failure) => {
        this.change(known, { failure, looking: false });
      },
    );
  }

  async submit(reason: string) {
    this.set({ sent: "sending" });
    const ready = this.getState().ones.filter(({ plan }) => plan?.eligible === true);
    await each(ready, (one) => this.send(one, reason));
    const { ones } = this.getState();
    // The refusal of a single one can be answered: to look again, or to try again.
    this.set({ sent: ones.length === 1 && ones[0]?.action === null ? "no" : "sent" });
    fleetSource.reload();
  }

  /** Another question about this worker: answers to those before are not wanted. */
  private begin(worker: Which): Order {
    const order = this.orders.get(keyOf(worker)) ?? new Order();
    order.forget();
    this.change(worker, { looking: true, failure: null });
    return order;
  }

  private async look(worker: Worker) {
    const { episode } = worker;
    const { pause, override } = this.getState();
    const order = this.begin(worker);
    this.change(worker, { worker });
    const question = dryRun(worker, { episode, pause, override });
    this.ask(
      order,
      question,
      (plan) => {
        this.change(worker, { plan, looking: false });
      },
      (failure) => {
        this.change(worker, { failure, looking: false });
      },
    );
    await question.catch(() => undefined);
  }

  /** It is sent, and its outcome kept, also where the dialog has gone by then. */
  private async send({ worker, plan }: One, reason: string) {
    const { name, episode } = worker;
    const { pause, override } = this.getState();
    const wish = { episode, pause: pausesAfterwards(plan, pause), override, confirm: name, reason };
    this.change(worker, { sending: true, failure: null });
    try {
      const { action } = await forceDisconnect(worker, wish);
      this.change(worker, { sending: false, action });
      outcomes.put(action);
    } catch (error) {
      this.change(worker, { sending: false, failure: asFailure(error) });
    }
  }

  /** Of an action that was asked for here, not of one before. */
  private takeNews() {
    for (const { worker, action } of this.getState().ones) {
      const news = outcomes.of(worker);
      if (news !== null && news.id === action?.id && news !== action) this.change(worker, { action: news });
    }
  }

  private change(worker: Which, change: Partial<One>) {
    const key = keyOf(worker);
    const ones = this.getState().ones.map((one) => (keyOf(one.worker) === key ? { ...one, ...change } : one));
    this.set({ ones });
  }
}
