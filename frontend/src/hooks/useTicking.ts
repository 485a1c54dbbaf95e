import { useCallback, useSyncExternalStore } from "react";
import { subscribe, tickTime } from "../server/clock";

/** Text made from the server's time now, in whole seconds. */
export function useTicking(text: (now: number) => string): string {
  return useSyncExternalStore(
    subscribe,
    useCallback(() => text(tickTime()), [text]),
  );
}
