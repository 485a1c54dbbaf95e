import React from "react";

/* Small drawings, one shape for each meaning, so that colour is never alone. They carry no name: the text beside them
   does. */

const SHAPES = {
  // An octagon, as on the road.
  stuck: "M5 1h6l4 4v6l-4 4H5l-4-4V5zM7.2 4v5h1.6V4zM7.2 10.4V12h1.6v-1.6z",
  // A flag.
  attention: "M3 1h1.6v.8H13l-2.4 3.4L13 8.6H4.6V15H3z",
  // A triangle.
  failed: "M8 1l7.5 14H.5zM7.2 6v4.6h1.6V6zM7.2 11.8v1.6h1.6v-1.6z",
  // A clock.
  slow: "M8 1a7 7 0 100 14A7 7 0 008 1zm-.8 3h1.6v3.7l2.7 1.6-.8 1.3-3.5-2z",
  // A question mark in a circle of dashes, drawn as a diamond.
  unknown:
    "M8 0l8 8-8 8-8-8zM7.2 11v1.7h1.6V11zM5.6 6.3h1.6c0-1.3 1.7-1.2 1.7 0 0 1-1.7 1.2-1.7 3.2h1.6c0-1.4 1.8-1.6 1.8-3.3 0-3.1-5-3.1-5 .1z",
  // A tick.
  ok: "M6.2 13.2L1 8l1.7-1.7 3.5 3.5 7.1-7.1L15 4.4z",
  // A cross.
  no: "M3 1.5L8 6.5l5-5L14.5 3l-5 5 5 5-1.5 1.5-5-5-5 5L1.5 13l5-5-5-5z",
  // A ring.
  waiting: "M8 1a7 7 0 100 14A7 7 0 008 1zm0 2a5 5 0 110 10A5 5 0 018 3z",
  paused: "M3 1h4v14H3zM9 1h4v14H9z",
  live: "M8 4a4 4 0 100 8 4 4 0 000-8z",
  polling:
    "M13.6 2.4v4h-4l1.5-1.5A4.6 4.6 0 003.6 7H1.8a6.4 6.4 0 0110.6-3.4zM2.4 13.6v-4h4l-1.5 1.5A4.6 4.6 0 0012.4 9h1.8a6.4 6.4 0 01-10.6 3.4z",
  // Two sheets.
  copy: "M5 1h9v11h-3v3H2V4h3zm1.5 1.5V4H11v6.5h1.5v-8zM3.5 5.5v8h6v-8z",
  up: "M8 3l6 9H2z",
  down: "M8 13L2 4h12z",
} as const;

export type IconName = keyof typeof SHAPES;

const OF_ACTIONS: Record<string, IconName> = { done: "ok", failed: "no", refused: "stuck", asked: "waiting" };
const OF_OUTCOMES: Record<string, IconName> = {
  ok: "ok",
  start_failed: "failed",
  stop_failed: "failed",
  never_connected: "failed",
  released: "stuck",
  cancelled: "no",
};

export function actionIcon(status: string): IconName {
  return OF_ACTIONS[status] ?? "unknown";
}

export function outcomeIcon(outcome: string | null): IconName {
  return outcome === null ? "waiting" : (OF_OUTCOMES[outcome] ?? "unknown");
}

export const Icon = ({ name }: { name: IconName }) => (
  <svg className="bbl-icon" viewBox="0 0 16 16" width="1em" height="1em" aria-hidden="true" focusable="false">
    <path fillRule="evenodd" d={SHAPES[name]} />
  </svg>
);
