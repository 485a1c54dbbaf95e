import React from "react";
import { settings } from "../../host/settings";
import type { Action } from "../../contract/types";
import { Choice } from "../../ui/Choice";
import { CsvLink } from "../../ui/CsvLink";
import { FilterForm } from "../../ui/FilterForm";
import { Page } from "../../ui/Page";
import { TextFilter } from "../../ui/TextFilter";
import { ActionList } from "./ActionList";
import { HistoryFoot } from "../../ui/HistoryFoot";
import { useHistory } from "../../hooks/useHistory";
import { useParam } from "../../hooks/useParam";
import { queryOf } from "../../model/filters";

const STATUSES = [
  ["", "any"],
  ["done", "done"],
  ["failed", "failed"],
  ["refused", "refused"],
  ["asked", "asked, no answer yet"],
] as const;
const KINDS = [
  ["", "any"],
  ["force-disconnect", "force disconnect"],
  ["end", "end instance"],
  ["pause", "pause"],
  ["unpause", "end of a pause"],
  ["shutdown-release", "release at shutdown"],
] as const;

/** The audit: who asked for what, why, and what came of it. */
export const ActionsPage = () => {
  const [status, setStatus] = useParam("status");
  const [what, setWhat] = useParam("what");
  const [actor, setActor] = useParam("actor");
  const [worker, setWorker] = useParam("worker");
  const filter = { status, what, actor__contains: actor, worker__contains: worker };
  const query = queryOf({ ...filter, limit: settings().pageSize });
  return (
    <Page name="actions" title="Actions" route="/lifecycle/actions">
      <p className="bbl-lead">
        What a person or a stopping master has asked for. Nothing is ever taken out of this list.
      </p>
      <FilterForm>
        <Choice label="Outcome" value={status} options={STATUSES} test="filter-status" onChoose={setStatus} />
        <Choice label="What" value={what} options={KINDS} test="filter-what" onChoose={setWhat} />
        <TextFilter label="By" value={actor} test="filter-actor" onChange={setActor} />
        <TextFilter label="Worker" value={worker} test="filter-worker" onChange={setWorker} />
        <CsvLink what="actions" query={queryOf(filter)} />
      </FilterForm>
      <Audit key={query} query={query} filtered={Object.values(filter).some((value) => value !== "")} />
    </Page>
  );
};

const Audit = ({ query, filtered }: { query: string; filtered: boolean }) => {
  const actions = useHistory<Action>(null, "actions", "actions", query);
  return (
    <>
      <ActionList actions={actions.items} named={true} />
      <HistoryFoot
        history={actions}
        what="actions"
        empty={filtered ? "No actions match." : "Nobody has forced anything, and no master had to."}
        test="actions"
      />
    </>
  );
};
