import React from "react";
import { settings } from "../../host/settings";
import type { Orphan } from "../../contract/types";
import { Choice } from "../../ui/Choice";
import { CsvLink } from "../../ui/CsvLink";
import { OrphanItem } from "./Orphans";
import { FilterForm } from "../../ui/FilterForm";
import { Page } from "../../ui/Page";
import { TextFilter } from "../../ui/TextFilter";
import { HistoryFoot } from "../../ui/HistoryFoot";
import { useHistory } from "../../hooks/useHistory";
import { useParam } from "../../hooks/useParam";
import { queryOf } from "../../model/filters";
import { count } from "../../model/words";

const STATES = [
  ["open", "open"],
  ["closed", "closed"],
  ["any", "any"],
] as const;

/** The ledger of instances that may still run. */
export const OrphansPage = () => {
  const [show, setShow] = useParam("show", "open");
  const [worker, setWorker] = useParam("worker");
  const [workerid] = useParam("workerid");
  const filter = {
    open: show === "any" ? null : String(show === "open"),
    worker__contains: worker,
    workerid,
  };
  const query = queryOf({ ...filter, limit: settings().pageSize });
  return (
    <Page name="orphans" title="Orphans" route="/lifecycle/orphans">
      <p className="bbl-lead">
        Instances that may still run, and cost money, after a release, a failed stop or a crash. An entry is closed when
        the stop succeeds later, by the driver, or by an operator.
      </p>
      <FilterForm>
        <Choice label="Entries" value={show} options={STATES} test="filter-show" onChoose={setShow} />
        <TextFilter label="Worker" value={worker} test="filter-worker" onChange={setWorker} />
        <CsvLink what="orphans" query={queryOf(filter)} />
      </FilterForm>
      <Ledger key={query} query={query} open={show === "open"} />
    </Page>
  );
};

const Ledger = ({ query, open }: { query: string; open: boolean }) => {
  const orphans = useHistory<Orphan>(null, "orphans", "orphans", query);
  return (
    <>
      {orphans.open != null && (
        <p className="bbl-muted" data-test="ledger-open" data-open={orphans.open}>
          {count(orphans.open, "entry", "entries")} of the whole ledger {orphans.open === 1 ? "is" : "are"} open.
          {orphans.next !== null &&
            ` Here are the newest ${orphans.items.length.toLocaleString("en")} of what you asked for.`}
        </p>
      )}
      <ul className="bbl-orphans" data-test="ledger">
        {orphans.items.map((orphan) => (
          <OrphanItem key={orphan.id} orphan={orphan} onResolved={orphans.reload} />
        ))}
      </ul>
      <HistoryFoot
        history={orphans}
        what="orphans"
        empty={open ? "No instance is known to have been left running." : "No entries match."}
        test="orphans"
      />
    </>
  );
};
