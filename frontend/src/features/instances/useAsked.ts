import { useState } from "react";
import { useSearchParams } from "react-router-dom";
import type { Instance } from "../../contract/types";
import { withParam } from "../../model/address";

interface Held {
  wanted: string;
  instance: Instance;
  open: boolean;
}

export interface Asked {
  /** What the address asks to end, as it was when it was found: an instance that goes meanwhile keeps its dialog. */
  instance: Instance | null;
  /** In words, where it is not in the list; null where it is, or nothing is asked. */
  missing: string | null;
  dismiss: () => void;
}

/** The instance that the address asks to end: `end` has its id, `entry` an entry of the orphans that names it. */
export function useAsked(instances: readonly Instance[] | null): Asked {
  const [query, setQuery] = useSearchParams();
  const [held, hold] = useState<Held | null>(null);
  const id = query.get("end");
  const entry = query.get("entry");
  const wanted = id ?? entry;
  if (wanted === null) {
    if (held !== null) hold(null);
  } else if (held?.wanted !== wanted) {
    const found = instances?.find((each) => (id === null ? String(each.orphan) === entry : each.id === id));
    if (found !== undefined) hold({ wanted, instance: found, open: true });
  }
  const isHeld = held !== null && held.wanted === wanted;
  const what = id === null ? `The instance of entry ${wanted ?? ""}` : `Instance ${id}`;
  return {
    instance: isHeld && held.open ? held.instance : null,
    missing: wanted === null || isHeld || instances === null ? null : what,
    dismiss: () => {
      if (held !== null) hold({ ...held, open: false });
      setQuery((now) => withParam(withParam(now, "end", ""), "entry", ""), { replace: true });
    },
  };
}
