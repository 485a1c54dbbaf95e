import { useCallback, useEffect, useReducer } from "react";
import { asFailure, dryRun, forceDisconnect } from "../../server/client";
import { fleetStore } from "../../server/fleet";
import { outcomes } from "../../server/outcomes";
import type { Action, DryRun, Worker } from "../../contract/types";
import { explainForce, pausesAfterwards } from "../../model/refusals";

/* The course of one forced disconnect of several workers: each is looked at, each is asked for by itself, and each has
   its own result. One that cannot be done does not keep the others from it. */

export interface One {
  worker: Worker;
  plan: DryRun | null;
  action: Action | null;
  /** Why there is no plan, or no action. */
  failure: string | null;
  sending: boolean;
}

interface Course {
  ones: readonly One[];
  /** Nothing, under way, or over. */
  sent: "no" | "sending" | "sent";
}

type Change = { workerid: number; change: Partial<One> } | { sent: Course["sent"] } | { news: Action };

function next(course: Course, change: Change): Course {
  if ("sent" in change) return { ...course, sent: change.sent };
  // Of an action that was asked for here, not of one before.
  if ("news" in change) {
    const { news } = change;
    return { ...course, ones: course.ones.map((one) => (one.action?.id === news.id ? { ...one, action: news } : one)) };
  }
  const ones = course.ones.map((one) => (one.worker.workerid === change.workerid ? { ...one, ...change.change } : one));
  return { ...course, ones };
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

export function useForceMany(workers: readonly Worker[]) {
  const [course, change] = useReducer(next, {
    ones: workers.map((worker) => ({ worker, plan: null, action: null, failure: null, sending: false })),
    sent: "no",
  });

  useEffect(() => {
    void each(workers, async ({ workerid, episode }) => {
      try {
        const plan = await dryRun(workerid, { episode, pause: null, override: false });
        change({ workerid, change: { plan } });
      } catch (error) {
        change({ workerid, change: { failure: explainForce(asFailure(error)).text } });
      }
    });
    // Once, when the dialog opens: what the table shows later is not what was looked at.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  useEffect(
    () =>
      outcomes.watch(() => {
        for (const { workerid } of workers) {
          const action = outcomes.of(workerid);
          if (action !== null) change({ news: action });
        }
      }),
    [workers],
  );

  const submit = useCallback(
    async (reason: string) => {
      change({ sent: "sending" });
      const ready = course.ones.filter((one) => one.plan?.eligible === true);
      await each(ready, async ({ worker, plan }) => {
        const { workerid, name, episode } = worker;
        change({ workerid, change: { sending: true } });
        try {
          const pause = pausesAfterwards(plan, null);
          const result = await forceDisconnect(workerid, { episode, pause, override: false, confirm: name, reason });
          change({ workerid, change: { sending: false, action: result.action } });
          outcomes.put(result.action);
        } catch (error) {
          const { title, text } = explainForce(asFailure(error));
          change({ workerid, change: { sending: false, failure: `${title}. ${text}` } });
        }
      });
      change({ sent: "sent" });
      fleetStore.reload();
    },
    [course.ones],
  );

  return { ...course, submit };
}
