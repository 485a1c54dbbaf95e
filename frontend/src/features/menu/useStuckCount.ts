import { useContext, useEffect } from "react";
import { useStore } from "zustand";
import { DataClientContext } from "buildbot-data-js";
import { stuckCount } from "../../server/stuckCount";

/** How many workers are stuck, for the menu: null until known. */
export function useStuckCount(): number | null {
  const client = useContext(DataClientContext);
  useEffect(() => {
    stuckCount.hintFrom(client?.webSocketClient);
  }, [client]);
  return useStore(stuckCount, ({ stuck }) => stuck);
}
