import React, { useState } from "react";
import { Link } from "react-router-dom";
import { serverNow } from "../../server/clock";
import type { Worker } from "../../contract/types";
import { keyOf, type Key } from "../../model/key";
import { duration } from "../../model/durations";
import { markWords, sums, type Ready } from "../../model/lanes";
import { episodeRoute, workerRoute } from "../../model/links";
import type { Span } from "../../model/ranges";
import { count, outcomeWords, stateWords } from "../../model/words";
import { ScrollRegion } from "../../ui/ScrollRegion";

const MOST = 200;
const MOST_BAD = 5;

/** The drawing in words and numbers, for those who cannot see it or would rather read. */
export const LaneTable = ({
  workers,
  lanes,
  span,
}: {
  workers: readonly Worker[];
  lanes: ReadonlyMap<Key, Ready>;
  span: Span;
}) => {
  const [open, setOpen] = useState(false);
  return (
    <details
      className="bbl-lane-table"
      data-test="lane-table"
      onToggle={(event) => {
        setOpen(event.currentTarget.open);
      }}
    >
      <summary>The same in words</summary>
      {open && (
        <ScrollRegion label="The timeline in words">
          <table className="table table-sm">
            <thead>
              <tr>
                <th scope="col">Worker</th>
                <th scope="col">Episodes</th>
                <th scope="col">Builds</th>
                <th scope="col">Went wrong</th>
                <th scope="col">Time spent</th>
                <th scope="col">Marks</th>
              </tr>
            </thead>
            <tbody>
              {workers.slice(0, MOST).map((worker) => (
                <Row key={keyOf(worker)} worker={worker} lane={lanes.get(keyOf(worker)) ?? null} span={span} />
              ))}
            </tbody>
          </table>
          {workers.length > MOST && <p>and {count(workers.length - MOST, "worker")} more: filter to see them.</p>}
        </ScrollRegion>
      )}
    </details>
  );
};

const Row = ({ worker, lane, span }: { worker: Worker; lane: Ready | null; span: Span }) => {
  const stays = lane?.stays ?? [];
  const { episodes, bad, builds, seconds } = sums(stays, span, serverNow());
  const wrong = stays.filter((stay) => stay.bad && (stay.until ?? Infinity) >= span.since && stay.since <= span.until);
  return (
    <tr>
      <th scope="row">
        <Link to={workerRoute(worker)}>
          <bdi>{worker.name}</bdi>
        </Link>
      </th>
      <td>{episodes}</td>
      <td>{builds}</td>
      <td>
        {bad}
        {wrong.slice(-MOST_BAD).map((stay) => (
          <span key={stay.id} className="bbl-sub">
            <Link to={episodeRoute(stay.id)}>episode {stay.id}</Link> {outcomeWords(stay.outcome)}
          </span>
        ))}
      </td>
      <td>{seconds.map(([state, time]) => `${stateWords(state).label} ${duration(time)}`).join(", ")}</td>
      <td>
        {(lane?.marks ?? [])
          .filter((mark) => mark.at >= span.since && mark.at <= span.until)
          .slice(-MOST_BAD)
          .map((mark, index) => (
            <span key={index} className="bbl-sub">
              {markWords(mark)}
            </span>
          ))}
      </td>
    </tr>
  );
};
