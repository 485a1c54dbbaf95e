import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router-dom";
import { readView, writeView } from "../model/address";
import type { View } from "../model/arrange";

/** The view of the table, kept in the address. Typing does not fill the history. */
export function useView(): [View, (change: Partial<View>) => void] {
  const [query, setQuery] = useSearchParams();
  const view = useMemo(() => readView(query), [query]);
  const change = useCallback(
    (next: Partial<View>) => {
      setQuery((now) => writeView(now, { ...readView(now), ...next }), { replace: true });
    },
    [setQuery],
  );
  return [view, change];
}
