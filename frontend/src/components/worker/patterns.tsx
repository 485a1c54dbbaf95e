import React from "react";

/* One look for each state: a colour and a pattern, so that the bars can be told apart in grey as well. */

interface Look {
  ground: string;
  lines: string;
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
const UNNAMED = "other";

export function patternId(base: string, state: string): string {
  return `${base}-${state in LOOKS ? state : UNNAMED}`;
}

export const Patterns = ({ base }: { base: string }) => (
  <defs>
    {Object.entries({ ...LOOKS, [UNNAMED]: OTHER }).map(([state, look]) => (
      <pattern key={state} id={patternId(base, state)} width="8" height="8" patternUnits="userSpaceOnUse">
        <rect width="8" height="8" fill={look.ground} />
        <path d={look.path} stroke={look.lines} strokeWidth="1.2" fill="none" />
      </pattern>
    ))}
  </defs>
);
