import { useCallback, useEffect, useState } from "react";
import { asFailure, type ApiFailure } from "../server/client";
import { fetchWorkers } from "../server/fleet";
import { Order } from "../model/order";
import type { Worker, WorkersMeta } from "../contract/types";
import { useFeed } from "./useFeed";

export interface WorkerState {
  worker: Worker | null;
  meta: WorkersMeta | null;
  failure: ApiFailure | null;
}

/** One worker, kept up to date. */
export function useWorker(workerid: number): WorkerState & { reload: () => void } {
  const [state, setState] = useState<WorkerState>({ worker: null, meta: null, failure: null });
  const [order] = useState(() => new Order());
  const load = useCallback(async () => {
    const mine = order.ask();
    try {
      const { workers, meta } = await fetchWorkers(`workers/${workerid}`);
      if (order.takes(mine)) setState({ worker: workers[0] ?? null, meta, failure: null });
    } catch (error) {
      if (order.takes(mine)) setState((now) => ({ ...now, failure: asFailure(error) }));
    }
  }, [workerid, order]);
  const reload = useCallback(() => void load(), [load]);
  useEffect(() => {
    reload();
    return () => {
      order.forget();
    };
  }, [reload, order]);
  useFeed(workerid, reload);
  return { ...state, reload };
}
