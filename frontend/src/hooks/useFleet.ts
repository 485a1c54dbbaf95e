import { useSyncExternalStore } from "react";
import { fleetStore, type Fleet } from "../api/fleet";
import { feed, type LiveState } from "../api/live";

export function useFleet(): Fleet {
  return useSyncExternalStore(fleetStore.watch, fleetStore.snapshot);
}

export function useLive(): LiveState {
  return useSyncExternalStore(feed.watch, feed.snapshot);
}
