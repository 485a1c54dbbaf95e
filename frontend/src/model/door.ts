import type { Worker, WorkersMeta } from "../contract/types";
import { duration } from "./durations";

/* May this worker be disconnected by force, by this reader, now? A shut door says why, and what would open it. The
   server decides; this only spares the reader a click that cannot succeed. */

export interface Door {
  /** `override` leads to the dialog, which says why not and offers to go on all the same. */
  kind: "open" | "override" | "shut";
  why: string;
}

const shut = (why: string): Door => ({ kind: "shut", why });

export function door(worker: Worker, meta: Pick<WorkersMeta, "can_force" | "user"> | null): Door {
  if (meta === null) return shut("Still loading.");
  if (!meta.can_force) {
    return meta.user === null
      ? shut("Not allowed: you are not logged in. Log in at the top right, then try again.")
      : shut(`Not allowed: ${meta.user} has no right to force a disconnect. An administrator can grant it in authz.`);
  }
  if (!worker.live) {
    return shut(
      `Its master ${worker.master} is not up, so nobody is there to do it. It is looked at again when that master starts.`,
    );
  }
  if (worker.forceable) return { kind: "open", why: worker.verdict.reason };
  // A build may wait for a start or behind a stop; the worker is busy with it only when it is up.
  if (worker.pending !== null || worker.held > 0 || isBetween(worker.state)) {
    const threshold = worker.verdict.threshold_s;
    const until = threshold === null ? "" : ` It counts as stuck after ${duration(threshold)}.`;
    return { kind: "override", why: `Not stuck yet.${until} The dialog offers to go on all the same.` };
  }
  const build = worker.building[0];
  if (build !== undefined) {
    return shut(`Not stuck: it is building ${build.builder}. Stop the build instead.`);
  }
  return shut(`Not stuck: there is nothing that the master waits for.`);
}

/** Whether this reader may do anything to workers at all, as far as the page knows: whoever is logged in may try. */
export function mayAct(meta: Pick<WorkersMeta, "can_force" | "user">): boolean {
  return meta.can_force || meta.user !== null;
}

function isBetween(state: string): boolean {
  return state.startsWith("substantiating") || state.startsWith("insubstantiating");
}
