import React, { memo } from "react";
import type { Key } from "../../model/key";
import { useRecent } from "../../hooks/useShared";
import { columns, sparklineWords, type Column, type Part } from "../../model/sparkline";
import { look } from "../../model/looks";

const HEIGHT = 20;
const COLUMN = 6;
const GAP = 2;
const HEAD = 6;

const GROUNDS: Record<Part, string> = {
  start: look("substantiating_starting").ground,
  up: look("substantiated").ground,
  stop: look("insubstantiating").ground,
};

const PARTS: readonly Part[] = ["start", "up", "stop"];

/** All columns' share of this part as one path: there are many rows. */
function pathOf(drawn: readonly Column[], wanted: Part): string {
  return drawn
    .flatMap((column, index) =>
      column.parts
        .filter(({ part }) => part === wanted)
        .map(
          ({ y, height }) =>
            `M${index * (COLUMN + GAP)} ${(y + HEAD).toFixed(1)}h${COLUMN}v${height.toFixed(1)}h-${COLUMN}z`,
        ),
    )
    .join("");
}

function cross(index: number, top: number): string {
  return `M${index * (COLUMN + GAP) + 0.5} ${(top + 0.5).toFixed(1)}l5 5m0 -5l-5 5`;
}

/** The last episodes of a worker, newest at the right: how long each was, and which went wrong. */
export const Sparkline = memo(({ worker }: { worker: Key }) => {
  const episodes = useRecent(worker);
  if (episodes === "absent") return <span className="bbl-sub">not available</span>;
  if (episodes === null) return <span className="bbl-spark" />;
  const words = sparklineWords(episodes);
  if (episodes.length === 0) return <span className="bbl-sub">{words}</span>;
  const drawn = columns(episodes, HEIGHT);
  return (
    <svg
      className="bbl-spark"
      width={episodes.length * (COLUMN + GAP)}
      height={HEIGHT + HEAD}
      role="img"
      aria-label={words}
      data-test="sparkline"
      data-episodes={episodes.length}
    >
      <title>{words}</title>
      {PARTS.map((part) => (
        <path key={part} d={pathOf(drawn, part)} fill={GROUNDS[part]} />
      ))}
      <path
        d={drawn.map((column, index) => (column.bad ? cross(index, column.top) : "")).join("")}
        className="bbl-spark-bad"
      />
    </svg>
  );
});
Sparkline.displayName = "Sparkline";
