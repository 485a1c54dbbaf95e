import { useState } from "react";
import { useStore } from "zustand";
import type { Source } from "../server/source";

/* The one way to what the server knows: `useStore` on a source that all share, or on one that belongs to this place. */

/** A source of this place's own; another one when the key is another. `make` is given the one before. */
export function useSource<State, Own extends Source<State>>(
  key: string,
  make: (before: Own | null) => Own,
): [State, Own] {
  const [held, hold] = useState(() => ({ key, source: make(null) }));
  const current = held.key === key ? held : { key, source: make(held.source) };
  if (current !== held) hold(current);
  const state: State = useStore(current.source);
  return [state, current.source];
}
