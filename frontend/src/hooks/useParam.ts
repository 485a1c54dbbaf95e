import { useCallback } from "react";
import { useSearchParams } from "react-router-dom";
import { withParam } from "../model/address";

/** One parameter of the address, and the way to change it without filling the history. */
export function useParam(name: string, usual = ""): [string, (value: string) => void] {
  const [query, setQuery] = useSearchParams();
  const set = useCallback(
    (value: string) => {
      setQuery((now) => withParam(now, name, value === usual ? "" : value), { replace: true });
    },
    [setQuery, name, usual],
  );
  return [query.get(name) ?? usual, set];
}
