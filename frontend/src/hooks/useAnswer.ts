import { useCallback, useEffect, useState } from "react";
import { asFailure, get, type ApiFailure } from "../server/client";
import { Order } from "../model/order";
import { useFeed } from "./useFeed";

export interface Answer<T> {
  answer: T | null;
  failure: ApiFailure | null;
  reload: () => void;
}

/** What the server says at an address, looked at again when the worker (or any: null) has changed. Null for nothing to
 *  ask. */
export function useAnswer<T>(path: string | null, workerid: number | null): Answer<T> {
  const [state, setState] = useState<{ path: string | null; answer: T | null; failure: ApiFailure | null }>({
    path,
    answer: null,
    failure: null,
  });
  const [order] = useState(() => new Order());
  const reload = useCallback(() => {
    if (path === null) return;
    const mine = order.ask();
    get<T>(path).then(
      (answer) => {
        if (order.takes(mine)) setState({ path, answer, failure: null });
      },
      (error: unknown) => {
        if (order.takes(mine)) {
          setState((now) => ({ path, answer: now.path === path ? now.answer : null, failure: asFailure(error) }));
        }
      },
    );
  }, [path, order]);
  useEffect(() => {
    reload();
    return () => {
      order.forget();
    };
  }, [reload, order]);
  useFeed(workerid, reload);
  return { answer: state.answer, failure: state.failure, reload };
}
