import { useEffect, useRef } from "react";
import { feed } from "../api/live";

/** Calls back when this worker has changed, or when it is time to look again. */
export function useFeed(workerid: number, look: () => void) {
  const latest = useRef(look);
  useEffect(() => {
    latest.current = look;
  }, [look]);
  useEffect(
    () =>
      feed.listen({
        onWorkers: (workerids) => {
          if (workerids.has(workerid)) latest.current();
        },
        onRefresh: () => {
          latest.current();
        },
      }),
    [workerid],
  );
}
