import { useSyncExternalStore } from "react";
import { fleetStore, type Fleet } from "../server/fleet";
import { feed, type LiveState } from "../server/live";

export function useFleet(): Fleet {
  return useSyncExternalStore(fleetStore.watch, fleetStore.snapshot);
}

export function useLive(): LiveState {
  return useSyncExternalStore(feed.watch, feed.snapshot);
}
