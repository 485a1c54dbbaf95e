import type { Instance, InstancesAnswer, InstancesMeta, Place } from "../contract/types";
import { Order } from "../model/order";
import { getMany, takeCensus, type ApiFailure } from "./client";
import { serverNow } from "./clock";
import { feed } from "./live";
import { Source } from "./source";

/* What runs in the clouds: the last census, joined by the server with what the masters know now. To look at it asks no
   cloud; only a census does, which a reader asks for. */

export interface InstancesState {
  /** Null until known. */
  instances: readonly Instance[] | null;
  places: readonly Place[];
  meta: InstancesMeta | null;
  failure: ApiFailure | null;
  /** Since when the reader's own question to the clouds is under way, in the server's time. */
  looking: number | null;
  /** What came of it. */
  looked: "done" | ApiFailure | null;
}

/* A census may be told by no message: where the websocket was refused, and of another master. */
const TAKING_EVERY_MS = 2_000;
/* The list may be long, and what a worker does changes one row of it. */
const CHANGED_MS = 2_000;

export class InstancesSource extends Source<InstancesState> {
  private readonly order = new Order();
  private readonly lookOrder = new Order();
  /** The census that the reader has asked for is under way, or over. */
  private begun = false;

  constructor(
    private readonly query: string,
    /** Whose changes are followed; null for all. */
    private readonly workerid: number | null,
  ) {
    super({ instances: null, places: [], meta: null, failure: null, looking: null, looked: null });
  }

  readonly reload = () => {
    this.ask(
      this.order,
      getMany<InstancesAnswer>(`instances${this.query}`, "instances"),
      ({ instances, places, meta }) => {
        this.set({ instances, places, meta, failure: null });
        if (meta.taking) this.after("taking", TAKING_EVERY_MS, this.reload);
        else if (this.begun) this.settle("done");
      },
      (failure) => {
        this.set({ failure });
        if (this.begun) this.after("taking", TAKING_EVERY_MS, this.reload);
      },
    );
  };

  /** Asks the clouds. A second press while they are asked changes nothing. */
  readonly lookNow = () => {
    if (this.getState().looking !== null) return;
    this.set({ looking: serverNow(), looked: null });
    this.ask(
      this.lookOrder,
      takeCensus(),
      () => {
        // It has begun; the list tells when it is over.
        this.begun = true;
        this.reload();
      },
      (failure) => {
        this.settle(failure);
        this.reload();
      },
    );
  };

  private settle(looked: InstancesState["looked"]) {
    this.begun = false;
    this.set({ looking: null, looked });
  }

  protected override start() {
    this.untilTheEnd(
      feed.listen({
        onWorkers: (workerids) => {
          if (this.workerid === null || workerids.has(this.workerid)) this.soon("changed", CHANGED_MS, this.reload);
        },
        onCensus: this.reload,
        onRefresh: this.reload,
      }),
    );
    this.reload();
  }

  protected override stop() {
    // Nobody hears what came of it.
    this.settle(null);
  }
}
