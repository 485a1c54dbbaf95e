import React from "react";
import { ALL_LOOKS, lookName } from "../model/looks";

export function patternId(base: string, state: string): string {
  return `${base}-${lookName(state)}`;
}

/** The looks of the phases, for a drawing to refer to. */
export const Patterns = ({ base }: { base: string }) => (
  <defs>
    {ALL_LOOKS.map(([state, { ground, lines, path }]) => (
      <pattern key={state} id={`${base}-${state}`} width="8" height="8" patternUnits="userSpaceOnUse">
        <rect width="8" height="8" fill={ground} />
        <path d={path} stroke={lines} strokeWidth="1.2" fill="none" />
      </pattern>
    ))}
  </defs>
);
