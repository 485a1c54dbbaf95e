import { useEffect, useState } from "react";
import { useStore } from "zustand";
import type { Span } from "../../model/ranges";
import { TimelineSource, type Timeline } from "./source";

/** The lanes of a window of time. `workerids`: of those alone, or of all (null). */
export function useTimeline(span: Span, workerids: readonly number[] | null): Timeline {
  const [source] = useState(() => new TimelineSource());
  const timeline = useStore(source);
  useEffect(() => {
    source.show(span, workerids);
  }, [source, span, workerids]);
  return timeline;
}
