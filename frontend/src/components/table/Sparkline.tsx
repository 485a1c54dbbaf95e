import React, { memo } from "react";
import { useRecent } from "../../hooks/useStores";
import { columns, sparklineWords, type Part } from "../../model/sparkline";
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

/** The last episodes of a worker, newest at the right: how long each was, and which went wrong. */
export const Sparkline = memo(({ workerid }: { workerid: number }) => {
  const episodes = useRecent(workerid);
  if (episodes === "absent") return <span className="bbl-sub">not available</span>;
  if (episodes === null) return <span className="bbl-spark" />;
  const words = sparklineWords(episodes);
  if (episodes.length === 0) return <span className="bbl-sub">{words}</span>;
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
      {columns(episodes, HEIGHT).map((column, index) => (
        <g key={column.id} transform={`translate(${index * (COLUMN + GAP)},${HEAD})`}>
          {column.parts.map(({ part, y, height }) => (
            <rect key={part} y={y} width={COLUMN} height={height} fill={GROUNDS[part]} />
          ))}
          {column.bad && (
            <path
              d="M0.5 -5.5L5.5 -0.5M5.5 -5.5L0.5 -0.5"
              transform={`translate(0,${column.top})`}
              className="bbl-spark-bad"
            />
          )}
        </g>
      ))}
    </svg>
  );
});
Sparkline.displayName = "Sparkline";
