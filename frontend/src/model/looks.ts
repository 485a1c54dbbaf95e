import type { State } from "../contract/types";

/* One look for each phase: a colour and a pattern, so that bars can be told apart in grey as well. */

export interface Look {
  ground: string;
  lines: string;
  /** The pattern on a tile of 8 by 8. */
  path: string;
}

const LOOKS: Record<string, Look> = {
  substantiating: { ground: "#cfe2f3", lines: "#28527a", path: "M4 4h1v1H4z" },
  substantiating_starting: { ground: "#7fb2e5", lines: "#123a61", path: "M-1 9L9 -1M7 9L9 7M-1 1L1 -1" },
  substantiated: { ground: "#5fae57", lines: "#5fae57", path: "" },
  insubstantiating: { ground: "#f0b95a", lines: "#6b4300", path: "M-1 -1L9 9M-1 7L1 9M7 -1L9 1" },
  insubstantiating_substantiating: { ground: "#e2904d", lines: "#5b2700", path: "M0 0L8 8M8 0L0 8" },
  shut_down: { ground: "#8a8a8a", lines: "#333", path: "M0 4h8" },
};
const OTHER: Look = { ground: "#e3e3e3", lines: "#777", path: "M0 4h8M4 0v8" };
export const UNNAMED = "other";

export const ALL_LOOKS: readonly [string, Look][] = Object.entries({ ...LOOKS, [UNNAMED]: OTHER });

export function lookName(state: State): string {
  return state in LOOKS ? state : UNNAMED;
}

export function look(state: State): Look {
  return LOOKS[state] ?? OTHER;
}
