import type { Orphan } from "../../contract/types";
import { asFailure, resolveOrphan } from "../../server/client";
import { count } from "../../model/words";

/* Closing several entries with one note: each by itself, so that one which cannot be closed does not keep the others. */

export interface Closed {
  closed: number;
  /** Those that somebody else, or a proof, has closed meanwhile. */
  before: number;
  left: { orphan: Orphan; message: string }[];
}

const AT_ONCE = 4;

export async function closeAll(orphans: readonly Orphan[], note: string): Promise<Closed> {
  const result: Closed = { closed: 0, before: 0, left: [] };
  const queue = [...orphans];
  const lane = async () => {
    for (let orphan = queue.shift(); orphan !== undefined; orphan = queue.shift()) {
      try {
        await resolveOrphan(orphan.id, note);
        result.closed++;
      } catch (error) {
        const { code, message } = asFailure(error);
        if (code === "already_closed") result.before++;
        else result.left.push({ orphan, message });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return result;
}

export function closedWords({ closed, before, left }: Closed): string {
  const parts = [
    ...(closed > 0 || (before === 0 && left.length === 0) ? [`${count(closed, "entry", "entries")} closed`] : []),
    ...(before > 0 ? [`${count(before, "entry", "entries")} had been closed before`] : []),
    ...(left.length > 0
      ? [`${count(left.length, "entry", "entries")} not closed: ${left[0]?.message.replace(/\.$/, "") ?? ""}`]
      : []),
  ];
  return `${parts.join("; ")}.`;
}
