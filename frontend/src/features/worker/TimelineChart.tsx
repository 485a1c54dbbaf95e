import React, { useId, useRef } from "react";
import type { Episode } from "../../contract/types";
import { useTicking } from "../../hooks/useTicking";
import { useWidth } from "../../hooks/useWidth";
import { duration } from "../../model/durations";
import { episodeRoute } from "../../model/links";
import { shortMoment } from "../../model/moments";
import { layOut, type Bar, type Row } from "../../model/timeline";
import { outcomeWords, stateWords } from "../../model/words";
import { Patterns, patternId } from "../../ui/patterns";

const ROW = 26;
const BAR = 16;
const LEFT = 160;
const RIGHT = 210;
const HEAD = 22;
const STEP_S = 5;

const everyStep = (now: number) => String(Math.floor(now / STEP_S) * STEP_S);

/** The episodes as bars. For those who cannot see it, the table below it says the same. */
export const TimelineChart = ({ episodes }: { episodes: readonly Episode[] }) => {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame, 900);
  const base = useId().replaceAll(":", "");
  const now = Number(useTicking(everyStep));
  // On a phone the dates are left to the table.
  const [left, right] = width < 560 ? [14, 176] : [LEFT, RIGHT];
  const plot = Math.max(120, width - left - right);
  const { rows, ticks, states } = layOut(episodes, now, plot);
  const height = HEAD + rows.length * ROW;
  return (
    <div ref={frame} className="bbl-timeline" data-test="timeline">
      <svg width={width} height={height} aria-hidden="true">
        <Patterns base={base} />
        {ticks.map((tick) => (
          <g key={tick.x} transform={`translate(${left + tick.x},0)`}>
            <line y1={HEAD - 4} y2={height} className="bbl-grid" />
            <text y={HEAD - 9} textAnchor="middle" className="bbl-axis">
              {tick.label}
            </text>
          </g>
        ))}
        {rows.map((row, index) => (
          <ChartRow key={row.episode.id} row={row} y={HEAD + index * ROW} left={left} plot={plot} base={base} />
        ))}
      </svg>
      <ul className="bbl-legend" aria-label="Legend of the timeline">
        {states.map((state) => (
          <li key={state}>
            <svg width="22" height="14" aria-hidden="true">
              <rect width="22" height="14" fill={`url(#${patternId(base, state)})`} className="bbl-bar" />
            </svg>{" "}
            {stateWords(state).label}
          </li>
        ))}
      </ul>
    </div>
  );
};

interface ChartRowProps {
  row: Row;
  y: number;
  left: number;
  plot: number;
  base: string;
}

const ChartRow = ({ row, y, left, plot, base }: ChartRowProps) => {
  const { episode } = row;
  return (
    <g transform={`translate(0,${y})`} data-test="timeline-row" data-episode={episode.id}>
      {left === LEFT && (
        <text x={LEFT - 10} y={ROW / 2 + 4} textAnchor="end">
          {shortMoment(episode.started_at)}
        </text>
      )}
      <a href={`#${episodeRoute(episode.id)}`} tabIndex={-1}>
        <g transform={`translate(${left},${(ROW - BAR) / 2})`}>
          {row.bars.map((bar) => (
            <PhaseBar key={`${bar.state}-${bar.since}`} bar={bar} plot={plot} base={base} />
          ))}
        </g>
      </a>
      <text x={left + plot + 14} y={ROW / 2 + 4} className={episode.outcome === "ok" ? "" : "bbl-strong"}>
        {duration(row.seconds)}
        {", "}
        {outcomeWords(episode.outcome)}
      </text>
    </g>
  );
};

const PhaseBar = ({ bar, plot, base }: { bar: Bar; plot: number; base: string }) => (
  <g>
    <rect
      x={bar.x}
      width={bar.width}
      height={BAR}
      fill={`url(#${patternId(base, bar.state)})`}
      className={`bbl-bar${bar.open ? " bbl-bar-open" : ""}`}
    >
      <title>
        {stateWords(bar.state).label}: {duration(bar.seconds)}
        {bar.open ? " and goes on" : ""}, from {shortMoment(bar.since)}
      </title>
    </rect>
    {bar.torn && <path d={`M${plot - 9} -2l4 5-4 5 4 5-4 7M${plot - 4} -2l4 5-4 5 4 5-4 7`} className="bbl-torn" />}
  </g>
);
