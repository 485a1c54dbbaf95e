import { useCallback } from "react";
import { useStore } from "zustand";
import type { Action, RecentEpisode } from "../contract/types";
import type { Key } from "../model/key";
import { fleetSource, type Fleet } from "../server/fleet";
import { feed, type LiveState } from "../server/live";
import { outcomes, type OutcomesState } from "../server/outcomes";
import { recentSource, type RecentState } from "../server/recent";

/* What all of the page shares. */

export const useFleet = (): Fleet => useStore(fleetSource);

export const useLive = (): LiveState => useStore(feed);

/** The last episodes of a worker: null while not known, "absent" where the server cannot tell. */
export const useRecent = (worker: Key): readonly RecentEpisode[] | "absent" | null =>
  useStore(
    recentSource,
    useCallback(({ absent, known }: RecentState) => (absent ? "absent" : (known.get(worker) ?? null)), [worker]),
  );

/** What came of the forced disconnect that was asked for on this page, if one was. */
export const useOutcome = (worker: Key): Action | null =>
  useStore(
    outcomes,
    useCallback(({ actions }: OutcomesState) => actions.get(worker) ?? null, [worker]),
  );
