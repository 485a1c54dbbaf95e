import { useEffect, useRef } from "react";
import { feed } from "../server/live";

const AT_MOST_EVERY_MS = 1_000;

/** Calls back when this worker has changed, or any (null), or when it is time to look again. Where any will do, the
 *  changes of a busy second are taken together. */
export function useFeed(workerid: number | null, look: () => void) {
  const latest = useRef(look);
  useEffect(() => {
    latest.current = look;
  }, [look]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = feed.listen({
      onWorkers: (workerids) => {
        if (workerid === null) {
          timer ??= setTimeout(() => {
            timer = undefined;
            latest.current();
          }, AT_MOST_EVERY_MS);
        } else if (workerids.has(workerid)) latest.current();
      },
      onRefresh: () => {
        latest.current();
      },
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [workerid]);
}
