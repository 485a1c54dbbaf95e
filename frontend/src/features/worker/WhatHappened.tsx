import React from "react";
import type { Action, LifecycleEvent } from "../../contract/types";
import type { ShownHistory } from "../../hooks/useHistory";
import { HistoryFoot } from "../../ui/HistoryFoot";
import { ActionList } from "../actions/ActionList";
import { EventTable } from "./EventTable";

interface Props {
  actions: ShownHistory<Action>;
  events: ShownHistory<LifecycleEvent>;
  /** What is said if there is none. */
  noActions: string;
  noEvents: string;
}

/** What people and policies did, and all that was recorded: of a worker, or of one episode. */
export const WhatHappened = ({ actions, events, noActions, noEvents }: Props) => (
  <>
    <section aria-labelledby="bbl-actions">
      <h2 className="h5" id="bbl-actions">
        Actions
      </h2>
      <ActionList actions={actions.items} />
      <HistoryFoot history={actions} what="actions" empty={noActions} test="actions" />
    </section>
    <section aria-labelledby="bbl-events">
      <h2 className="h5" id="bbl-events">
        Events
      </h2>
      {events.items.length > 0 && <EventTable events={events.items} />}
      <HistoryFoot history={events} what="events" empty={noEvents} test="events" />
    </section>
  </>
);
