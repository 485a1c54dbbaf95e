import { useCallback, useEffect, useRef, useState } from "react";
import { asFailure, type ApiFailure } from "../api/client";
import { fetchWorkers } from "../api/fleet";
import type { Worker, WorkersMeta } from "../api/types";
import { useFeed } from "./useFeed";

export interface WorkerState {
  worker: Worker | null;
  meta: WorkersMeta | null;
  failure: ApiFailure | null;
  /** When the last answer came, in the browser's time. */
  at: number | null;
}

/** One worker, kept up to date. */
export function useWorker(workerid: number): WorkerState & { reload: () => void } {
  const [state, setState] = useState<WorkerState>({ worker: null, meta: null, failure: null, at: null });
  const alive = useRef(true);
  const load = useCallback(async () => {
    try {
      const { workers, meta } = await fetchWorkers(`workers/${workerid}`);
      if (alive.current) setState({ worker: workers[0] ?? null, meta, failure: null, at: Date.now() / 1000 });
    } catch (error) {
      if (alive.current) setState((now) => ({ ...now, failure: asFailure(error) }));
    }
  }, [workerid]);
  const reload = useCallback(() => void load(), [load]);
  useEffect(() => {
    alive.current = true;
    reload();
    return () => {
      alive.current = false;
    };
  }, [reload]);
  useFeed(workerid, reload);
  return { ...state, reload };
}
