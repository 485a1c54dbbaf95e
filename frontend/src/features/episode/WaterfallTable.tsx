import React, { useCallback, useMemo } from "react";
import type { Episode, LaneBuild, LifecycleEvent } from "../../contract/types";
import { useTicking } from "../../hooks/useTicking";
import { short } from "../../model/distribution";
import { duration } from "../../model/durations";
import { look } from "../../model/looks";
import { waterfall, type Fall } from "../../model/waterfall";
import { Icon } from "../../ui/Icon";

const BARS = { phase: "", call: "bbl-fall-call", build: "bbl-fall-build", mark: "" };

const STEP_S = 1;

interface Props {
  episode: Episode;
  events: readonly LifecycleEvent[];
  builds: readonly LaneBuild[];
}

/** A table whose last column is a drawing: whoever cannot see it has the same in numbers. */
export const WaterfallTable = ({ episode, events, builds }: Props) => {
  const closed = episode.ended_at;
  const now = Number(useTicking(useCallback((at: number) => String(closed ?? Math.ceil(at / STEP_S)), [closed])));
  const { rows, seconds, ticks } = useMemo(
    () => waterfall(episode, events, builds, now),
    [episode, events, builds, now],
  );
  // A little room is left at the right, for marks at the very end.
  const share = (value: number) => `${(Math.min(1, Math.max(0, value / seconds)) * 97).toFixed(3)}%`;
  return (
    <table className="table table-sm bbl-fall" data-test="waterfall">
      <caption className="bbl-sr">The episode, from its beginning to its end</caption>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">After</th>
          <th scope="col">Took</th>
          <th scope="col" className="bbl-fall-plot">
            <span className="bbl-sr">Drawing</span>
            {ticks.map((tick) => (
              <span key={tick} className="bbl-fall-tick" style={{ left: share(tick) }} aria-hidden="true">
                {duration(tick)}
              </span>
            ))}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          <Row key={index} row={row} share={share} />
        ))}
      </tbody>
    </table>
  );
};

const Row = ({ row, share }: { row: Fall; share: (value: number) => string }) => (
  <tr data-test="fall" data-kind={row.kind} className={row.bad ? "bbl-event-bad" : ""}>
    <th scope="row" className={row.kind === "phase" ? "" : "bbl-fall-inner"}>
      {row.bad && (
        <>
          <Icon name="failed" /> <span className="bbl-sr">Problem: </span>
        </>
      )}
      <bdi className="bbl-text">{row.label}</bdi>
      {row.detail !== "" && <bdi className="bbl-sub bbl-text">{row.detail}</bdi>}
    </th>
    <td className="bbl-age">{row.from <= 0 ? "0 s" : short(row.from)}</td>
    <td className="bbl-age">
      {row.to === null ? "" : short(Math.max(0, row.to - row.from))}
      {row.open && " and goes on"}
    </td>
    <td className="bbl-fall-plot" aria-hidden="true">
      {row.to === null ? (
        <span className={`bbl-fall-mark${row.bad ? " bbl-fall-bad" : ""}`} style={{ left: share(row.from) }} />
      ) : (
        <span
          className={`bbl-fall-bar ${BARS[row.kind]}${row.open ? " bbl-fall-open" : ""}${row.bad ? " bbl-fall-bad" : ""}`}
          style={{
            left: share(row.from),
            width: share(row.to - row.from),
            ...(row.state === null ? {} : { background: look(row.state).ground }),
          }}
        />
      )}
    </td>
  </tr>
);
