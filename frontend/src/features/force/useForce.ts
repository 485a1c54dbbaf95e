import { useCallback, useEffect, useReducer, useRef } from "react";
import { asFailure, type ApiFailure, dryRun, forceDisconnect } from "../../server/client";
import { fetchWorkers, fleetStore } from "../../server/fleet";
import { outcomes } from "../../server/outcomes";
import { pausesAfterwards } from "../../model/refusals";
import type { Action, DryRun, Worker } from "../../contract/types";

/* The course of one forced disconnect: look (dry run), ask, hear what came of it. */

export interface Force {
  worker: Worker;
  /** Null until the reader has said it: then what is configured holds, which the dry run shows. */
  pause: boolean | null;
  override: boolean;
  /** The last dry run; stays while the next is under way, so that nothing jumps. */
  plan: DryRun | null;
  looking: boolean;
  sending: boolean;
  failure: ApiFailure | null;
  /** What was asked for; `answered` is false while the owning master has not said what came of it. */
  result: { action: Action; answered: boolean } | null;
}

export function useForce(initial: Worker) {
  const [force, change] = useReducer((now: Force, next: Partial<Force>): Force => ({ ...now, ...next }), {
    worker: initial,
    pause: null,
    override: false,
    plan: null,
    looking: true,
    sending: false,
    failure: null,
    result: null,
  });
  // The answer to an earlier question must not overwrite that to a later one.
  const question = useRef(0);

  const look = useCallback(async (worker: Worker, pause: boolean | null, override: boolean) => {
    const mine = ++question.current;
    change({ worker, pause, override, looking: true, failure: null });
    try {
      const plan = await dryRun(worker.workerid, { episode: worker.episode, pause, override });
      if (mine === question.current) change({ plan, looking: false });
    } catch (error) {
      if (mine === question.current) change({ failure: asFailure(error), looking: false });
    }
  }, []);

  /** Looks at the worker as it is by now, and at what would be done to it. */
  const lookAgain = useCallback(async () => {
    const mine = ++question.current;
    change({ looking: true, failure: null });
    try {
      const answer = await fetchWorkers(`workers/${initial.workerid}`);
      const worker = answer.workers[0];
      if (mine === question.current && worker !== undefined) await look(worker, force.pause, false);
    } catch (error) {
      if (mine === question.current) change({ failure: asFailure(error), looking: false });
    }
  }, [force.pause, initial.workerid, look]);

  const submit = useCallback(
    async (confirm: string, reason: string) => {
      const { worker, override } = force;
      const pause = pausesAfterwards(force.plan, force.pause);
      change({ sending: true, failure: null });
      try {
        const result = await forceDisconnect(worker.workerid, {
          episode: worker.episode,
          pause,
          override,
          confirm,
          reason,
        });
        change({ sending: false, result });
        outcomes.put(result.action);
      } catch (error) {
        change({ sending: false, failure: asFailure(error) });
      }
      fleetStore.reload();
    },
    [force],
  );

  useEffect(() => {
    void look(initial, null, false);
    // Once, when the dialog opens: what the table shows later is not what was looked at.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  const { result } = force;
  useEffect(() => {
    if (result === null) return;
    return outcomes.watch(() => {
      const action = outcomes.of(result.action.workerid);
      if (action?.id === result.action.id && action !== result.action) {
        change({ result: { action, answered: action.finished_at !== null } });
      }
    });
  }, [result]);

  return { force, look, lookAgain, submit };
}
