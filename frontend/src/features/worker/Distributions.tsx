import React from "react";
import type { OutcomeStats, PhaseStats, StatsAnswer, Worker } from "../../contract/types";
import { useAnswer } from "../../hooks/useAnswer";
import { distribution, phaseWords, short, type Line } from "../../model/distribution";
import { count } from "../../model/words";
import { Notice } from "../../ui/Notice";

const WIDTH = 240;
const HEIGHT = 64;
const FOOT = 16;

/** How long this worker's starts, connections, lives and stops took. */
export const Distributions = ({ worker }: { worker: Worker }) => {
  const { answer, failure, reload } = useAnswer<StatsAnswer>(
    `stats?workerid=${worker.workerid}&masterid=${worker.masterid}`,
    worker.workerid,
  );
  const stats = answer?.stats.filter((each) => each.count > 0) ?? [];
  return (
    <section aria-labelledby="bbl-durations" data-test="durations">
      <h2 className="h5" id="bbl-durations">
        Durations
      </h2>
      {answer === null && failure === null && <p role="status">Loading the durations…</p>}
      {answer === null && failure !== null && (
        <Notice kind="light" title="Not available" test="durations-absent">
          {failure.status === 404 ? "This Buildbot does not tell durations." : failure.message}{" "}
          <button type="button" className="btn btn-sm btn-link" onClick={reload}>
            Try again
          </button>
        </Notice>
      )}
      {answer !== null && stats.length === 0 && <p className="bbl-muted">Nothing has been timed yet.</p>}
      {answer?.outcomes.map((each, index) => (
        <p key={index}>{outcomeText(each)}</p>
      ))}
      <div className="bbl-dists">
        {stats.map((each) => (
          <OnePhase key={each.phase} stats={each} />
        ))}
      </div>
    </section>
  );
};

function outcomeText(of: OutcomeStats): string {
  const rate = of.success_rate === null ? "" : ` (${Math.round(of.success_rate * 100)} % well)`;
  return `${count(of.count, "episode")} in the last 30 days: ${of.ok} ended well, ${of.failed} failed, ${of.released} released${of.unknown > 0 ? `, ${of.unknown} not seen to the end` : ""}${rate}.`;
}

const OnePhase = ({ stats }: { stats: PhaseStats }) => {
  const [title, gloss] = phaseWords(stats.phase);
  const { columns, lines, ends, words } = distribution(stats, WIDTH, HEIGHT);
  return (
    <figure className="bbl-dist" data-test="distribution" data-phase={stats.phase}>
      <figcaption>
        <strong>{title}</strong> <span className="bbl-muted">{gloss}</span>
      </figcaption>
      <svg viewBox={`-4 -4 ${WIDTH + 12} ${HEIGHT + FOOT + 4}`} role="img" aria-label={`${title}: ${words}`}>
        {columns.map((column) => (
          <rect
            key={column.x}
            x={column.x + 0.5}
            y={HEIGHT - column.height}
            width={Math.max(1, column.width - 1)}
            height={column.height}
            className="bbl-dist-column"
          >
            <title>{column.label}</title>
          </rect>
        ))}
        <line x2={WIDTH} y1={HEIGHT} y2={HEIGHT} className="bbl-grid" />
        {lines.map((line) => (
          <Marker key={line.label} line={line} />
        ))}
        <text y={HEIGHT + 13} className="bbl-axis">
          {ends[0]}
        </text>
        <text x={WIDTH} y={HEIGHT + 13} textAnchor="end" className="bbl-axis">
          {ends[1]}
        </text>
      </svg>
      <dl className="bbl-numbers">
        {lines.map((line) => (
          <div key={line.label}>
            <dt>
              <svg width="14" height="10" aria-hidden="true">
                <line x1="7" x2="7" y2="10" className={lineClass(line)} />
              </svg>{" "}
              {line.label}
            </dt>
            <dd>{short(line.seconds)}</dd>
          </div>
        ))}
        <div>
          <dt>longest</dt>
          <dd>{short(stats.max)}</dd>
        </div>
        <div>
          <dt>of</dt>
          <dd>{stats.count.toLocaleString("en")}</dd>
        </div>
      </dl>
    </figure>
  );
};

const lineClass = (line: Line) =>
  line.threshold ? "bbl-line-threshold" : line.label === "p50" ? "bbl-line-p50" : "bbl-line-p95";

const Marker = ({ line }: { line: Line }) => (
  <g transform={`translate(${line.x},0)`}>
    <title>
      {line.label}: {short(line.seconds)}
    </title>
    <line y1={-2} y2={HEIGHT} className={lineClass(line)} />
    {line.beyond && line.threshold && <path d="M1 4l6 4-6 4z" className="bbl-line-beyond" />}
  </g>
);
