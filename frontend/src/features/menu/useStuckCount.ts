import { useContext, useEffect, useSyncExternalStore } from "react";
import { DataClientContext } from "buildbot-data-js";
import { stuckCount } from "../../server/stuckCount";

/** How many workers are stuck, for the menu: null until known. */
export function useStuckCount(): number | null {
  const client = useContext(DataClientContext);
  useEffect(() => {
    stuckCount.hintFrom(client?.webSocketClient);
  }, [client]);
  return useSyncExternalStore(stuckCount.watch, stuckCount.snapshot);
}
