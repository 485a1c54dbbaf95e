import { InstancesSource, type InstancesState } from "../server/instances";
import { useSource } from "./useSource";

/** What runs in the clouds: all of it, or of one worker. */
export function useInstances(
  query: string,
  workerid: number | null = null,
): InstancesState & { reload: () => void; lookNow: () => void } {
  const [state, { reload, lookNow }] = useSource<InstancesState, InstancesSource>(
    query,
    () => new InstancesSource(query, workerid),
  );
  return { ...state, reload, lookNow };
}
