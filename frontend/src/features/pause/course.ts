import type { Action, Worker } from "../../contract/types";
import { keyOf } from "../../model/key";
import { canPause, type Pausing } from "../../model/pausing";
import { asFailure, pauseWorker, type ApiFailure } from "../../server/client";
import { fleetSource } from "../../server/fleet";
import { outcomes } from "../../server/outcomes";
import { Source } from "../../server/source";

/* The course of a pause, or of the end of one, of some workers: each is asked for by itself, and has its own result. */

export interface One {
  /** As it was when the dialog was opened. */
  worker: Worker;
  sending: boolean;
  failure: ApiFailure | null;
  /** Its outcome is missing while the owning master has not said what came of it. */
  action: Action | null;
}

export interface Course {
  ones: readonly One[];
  sent: "no" | "sending" | "sent";
}

export class PauseCourse extends Source<Course> {
  constructor(
    workers: readonly Worker[],
    private readonly act: Pausing,
  ) {
    const ones = workers.map((worker) => ({ worker, sending: false, failure: null, action: null }));
    super({ ones, sent: "no" });
  }

  protected override start() {
    this.untilTheEnd(
      outcomes.subscribe(() => {
        this.takeNews();
      }),
    );
  }

  /** It is sent, and its outcome kept, also where the dialog has gone by then. One after another: they are quick. */
  async submit(reason: string) {
    this.set({ sent: "sending" });
    for (const { worker } of this.getState().ones) {
      if (!canPause(worker, this.act)) continue;
      this.change(worker, { sending: true });
      try {
        const action = await pauseWorker(worker, this.act, reason);
        this.change(worker, { sending: false, action });
        outcomes.put(action);
      } catch (error) {
        this.change(worker, { sending: false, failure: asFailure(error) });
      }
    }
    this.set({ sent: "sent" });
    fleetSource.reload();
  }

  private takeNews() {
    for (const { worker, action } of this.getState().ones) {
      const news = outcomes.of(worker);
      if (news !== null && news.id === action?.id && news !== action) this.change(worker, { action: news });
    }
  }

  private change(worker: Worker, change: Partial<One>) {
    const key = keyOf(worker);
    const ones = this.getState().ones.map((one) => (keyOf(one.worker) === key ? { ...one, ...change } : one));
    this.set({ ones });
  }
}
