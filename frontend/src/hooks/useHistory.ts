import { useCallback, useEffect, useState } from "react";
import { asFailure, get, type ApiFailure } from "../server/client";
import type { PageMeta } from "../contract/types";
import { withHead, withOlder, type History } from "../model/history";
import { nextQuery } from "../model/links";
import { Order } from "../model/order";
import { useFeed } from "./useFeed";

export interface HistoryState<Item> extends History<Item> {
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
): HistoryState<Item> {
  const [history, setHistory] = useState<History<Item> | null>(null);
  const [failure, setFailure] = useState<ApiFailure | null>(null);
  const [{ heads, pages }] = useState(() => ({ heads: new Order(), pages: new Order() }));

  const read = useCallback(
    async (from: string, join: (known: History<Item>, page: History<Item>) => History<Item>, order: Order) => {
      const mine = order.ask();
      try {
        const answer = await get<Record<string, Item[]> & { meta: PageMeta }>(`${path}${from}`);
        const page = { items: answer[plural] ?? [], next: nextQuery(answer.meta.next), open: answer.meta.open ?? null };
        if (!order.takes(mine)) return;
        setHistory((known) => (known === null ? page : join(known, page)));
        setFailure(null);
      } catch (error) {
        if (order.takes(mine)) setFailure(asFailure(error));
      }
    },
    [path, plural],
  );
  const reload = useCallback(() => {
    void read(query, withHead, heads);
  }, [read, query, heads]);
  const next = history?.next ?? null;
  const older = useCallback(() => {
    if (next !== null) void read(next, (known, page) => withOlder(known, page, next), pages);
  }, [read, next, pages]);

  useEffect(() => {
    // It sets a state only once the answer has come.
    // eslint-disable-next-line react-hooks/set-state-in-effect
    reload();
    return () => {
      heads.forget();
      pages.forget();
    };
  }, [reload, heads, pages]);
  useFeed(workerid, reload);
  const open = history?.open ?? null;
  return {
    items: history?.items ?? [],
    next,
    open,
    loading: history === null && failure === null,
    failure,
    older,
    reload,
  };
}
