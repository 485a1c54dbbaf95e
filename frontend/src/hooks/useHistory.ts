import type { ApiFailure } from "../server/client";
import { HistorySource, type HistoryState } from "../server/history";
import type { History } from "../model/history";
import { useSource } from "./useSource";

export interface ShownHistory<Item> extends History<Item> {
  loading: boolean;
  failure: ApiFailure | null;
  older: () => void;
  reload: () => void;
}

/** A history of one worker, or of all (null): its newest page kept up to date, older ones added on demand. `path` has no
 *  query. */
export function useHistory<Item extends { id: number }>(
  workerid: number | null,
  path: string,
  plural: string,
  query: string,
): ShownHistory<Item> {
  const [{ history, failure }, { older, reload }] = useSource<HistoryState<Item>, HistorySource<Item>>(
    `${path}${query}`,
    () => new HistorySource<Item>(workerid, path, plural, query),
  );
  return {
    items: history?.items ?? [],
    next: history?.next ?? null,
    open: history?.open ?? null,
    loading: history === null && failure === null,
    failure,
    older,
    reload,
  };
}
