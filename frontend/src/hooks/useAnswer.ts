import { get, type ApiFailure } from "../server/client";
import { AnswerSource, type Answer } from "../server/answer";
import { fetchWorkers } from "../server/workers";
import type { Worker, WorkersAnswer, WorkersMeta } from "../contract/types";
import { queryOf } from "../model/filters";
import { useSource } from "./useSource";

/** What the server says at an address, looked at again when the worker (or any: null) has changed. Where the address
 *  changes, what was known stays until the answer has come. */
export function useAnswer<T>(path: string, workerid: number | null): Answer<T> & { reload: () => void } {
  const [state, { reload }] = useSource<Answer<T>, AnswerSource<T>>(
    path,
    (before) => new AnswerSource<T>(() => get<T>(path), workerid, before?.getState().answer),
  );
  return { ...state, reload };
}

export interface WorkerState {
  worker: Worker | null;
  meta: WorkersMeta | null;
  failure: ApiFailure | null;
  reload: () => void;
}

/** One worker, kept up to date; `masterid` may be empty. */
export function useWorker(workerid: number, masterid: string): WorkerState {
  const address = `workers/${workerid}${queryOf({ masterid })}`;
  const [{ answer, failure }, { reload }] = useSource<Answer<WorkersAnswer>, AnswerSource<WorkersAnswer>>(
    address,
    () => new AnswerSource(() => fetchWorkers(address), workerid),
  );
  return { worker: answer?.workers[0] ?? null, meta: answer?.meta ?? null, failure, reload };
}
