import type { Action, EndPlan, Instance } from "../../contract/types";
import { Order } from "../../model/order";
import { endInstance, get, planEnd, type ApiFailure } from "../../server/client";
import { asFailure } from "../../server/client";
import { fleetSource } from "../../server/fleet";
import { Source } from "../../server/source";

/* The course of ending an instance: look (dry run), ask, and follow until the cloud has been seen without it. */

export interface EndState {
  /** The last dry run. */
  plan: EndPlan | null;
  looking: boolean;
  sending: boolean;
  /** Why there is no plan, or no action. */
  failure: ApiFailure | null;
  /** Without an outcome while the instance was not seen gone. */
  action: Action | null;
}

const FOLLOW_EVERY_MS = 2_000;

export class EndCourse extends Source<EndState> {
  private readonly order = new Order();

  constructor(private readonly instance: Pick<Instance, "id" | "name">) {
    super({ plan: null, looking: true, sending: false, failure: null, action: null });
  }

  protected override start() {
    if (this.getState().action === null) this.look();
    else this.followAction();
  }

  /** Asks what would be done, to the instance as it is by now. */
  readonly look = () => {
    this.order.forget();
    this.set({ looking: true, failure: null });
    this.ask(
      this.order,
      planEnd(this.instance.id),
      (plan) => {
        this.set({ plan, looking: false });
      },
      (failure) => {
        this.set({ failure, looking: false });
      },
    );
  };

  /** It is sent, and what came of it kept, also where the dialog has gone by then. */
  async submit(reason: string) {
    this.set({ sending: true, failure: null });
    try {
      const action = await endInstance(this.instance.id, this.instance.name, reason);
      this.set({ sending: false, action });
      this.followAction();
    } catch (error) {
      this.set({ sending: false, failure: asFailure(error) });
    }
    fleetSource.reload();
  }

  /** A cloud takes its time: the action is asked for until it says what came of it. */
  private followAction() {
    const { action } = this.getState();
    if (action === null || action.finished_at !== null) return;
    this.after("action", FOLLOW_EVERY_MS, () => {
      this.ask(
        new Order(),
        get<{ actions: Action[] }>(`actions/${action.id}`),
        ({ actions: [news] }) => {
          if (news !== undefined) this.set({ action: news });
          this.followAction();
        },
        () => {
          this.followAction();
        },
      );
    });
  }
}
