import { useCallback, useEffect, useRef, useState } from "react";
import { asFailure, get, type ApiFailure } from "../api/client";
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
  const asked = useRef(0);
  const reload = useCallback(() => {
    if (path === null) return;
    const mine = ++asked.current;
    get<T>(path).then(
      (answer) => {
        if (mine === asked.current) setState({ path, answer, failure: null });
      },
      (error: unknown) => {
        if (mine === asked.current) {
          setState((now) => ({ path, answer: now.path === path ? now.answer : null, failure: asFailure(error) }));
        }
      },
    );
  }, [path]);
  useEffect(() => {
    reload();
    const counter = asked;
    return () => {
      counter.current++;
    };
  }, [reload]);
  useFeed(workerid, reload);
  return { answer: state.answer, failure: state.failure, reload };
}
