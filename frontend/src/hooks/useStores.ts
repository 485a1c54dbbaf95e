import { useCallback, useSyncExternalStore } from "react";
import { outcomes } from "../server/outcomes";
import { recentStore } from "../server/recent";

/** The last episodes of a worker: null while not known, "absent" where the server cannot tell. */
export const useRecent = (workerid: number) =>
  useSyncExternalStore(
    recentStore.watch,
    useCallback(() => recentStore.of(workerid), [workerid]),
  );

/** What came of the forced disconnect that was asked for on this page, if one was. */
export const useOutcome = (workerid: number) =>
  useSyncExternalStore(
    outcomes.watch,
    useCallback(() => outcomes.of(workerid), [workerid]),
  );
