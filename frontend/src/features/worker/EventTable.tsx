import React from "react";
import { Link } from "react-router-dom";
import type { LifecycleEvent } from "../../contract/types";
import { tell } from "../../model/events";
import { episodeRoute } from "../../model/links";
import { plain } from "../../model/words";
import { Icon } from "../../ui/Icon";
import { Moment } from "../../ui/Time";
import { Traceback } from "./EpisodeTable";
import { ScrollRegion } from "../../ui/ScrollRegion";

const TONES = { usual: "", notable: "bbl-event-notable", bad: "bbl-event-bad" };

/** All that was recorded of a worker, newest first. */
export const EventTable = ({ events }: { events: readonly LifecycleEvent[] }) => (
  <ScrollRegion label="Table of events">
    <table className="table table-sm" data-test="events">
      <caption className="bbl-sr">Events, newest first</caption>
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col" className="bbl-wide">
            Episode
          </th>
          <th scope="col" className="bbl-wide">
            Kind
          </th>
          <th scope="col">What happened</th>
        </tr>
      </thead>
      <tbody>
        {events.map((event) => (
          <EventRow key={event.id} event={event} />
        ))}
      </tbody>
    </table>
  </ScrollRegion>
);

const EventRow = React.memo(({ event }: { event: LifecycleEvent }) => {
  const { text, detail, tone } = tell(event);
  return (
    <tr data-test="event-row" data-kind={event.kind} className={TONES[tone]}>
      <td className="bbl-nowrap">
        <Moment at={event.at} />
      </td>
      <td className="bbl-wide">
        {event.episode !== null && <Link to={episodeRoute(event.episode)}>{event.episode}</Link>}
      </td>
      <td className="bbl-nowrap bbl-wide">{plain(event.kind)}</td>
      <td>
        {tone === "bad" && (
          <>
            <Icon name="failed" /> <span className="bbl-sr">Problem: </span>
          </>
        )}
        <bdi className="bbl-text">{text}</bdi>
        {detail !== null && <Traceback text={detail} />}
      </td>
    </tr>
  );
});
EventRow.displayName = "EventRow";
