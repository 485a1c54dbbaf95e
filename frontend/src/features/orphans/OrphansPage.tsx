import React, { useMemo } from "react";
import { settings } from "../../host/settings";
import type { Orphan } from "../../contract/types";
import { useAll } from "../../hooks/useAll";
import { useHistory } from "../../hooks/useHistory";
import { useParam } from "../../hooks/useParam";
import { useFleet } from "../../hooks/useShared";
import { queryOf } from "../../model/filters";
import { byAge } from "../../model/orphans";
import { count } from "../../model/words";
import { Choice } from "../../ui/Choice";
import { CsvLink } from "../../ui/CsvLink";
import { FailedPage } from "../../ui/FailedPage";
import { FilterForm } from "../../ui/FilterForm";
import { HistoryFoot } from "../../ui/HistoryFoot";
import { Page } from "../../ui/Page";
import { TextFilter } from "../../ui/TextFilter";
import { OrphanTable } from "./OrphanTable";

const STATES = [
  ["open", "open"],
  ["closed", "closed"],
  ["any", "any"],
] as const;

const GROUPS = [
  ["", "none"],
  ["worker", "worker"],
] as const;

/** The ledger of instances that may still run. */
export const OrphansPage = () => {
  const [show, setShow] = useParam("show", "open");
  const [worker, setWorker] = useParam("worker");
  const [instance, setInstance] = useParam("instance");
  const [group, setGroup] = useParam("group");
  const [workerid] = useParam("workerid");
  const [masterid] = useParam("masterid");
  const filter = {
    open: show === "any" ? null : String(show === "open"),
    worker__contains: worker,
    instance__contains: instance,
    workerid,
    masterid,
  };
  const query = queryOf({ ...filter, limit: show === "open" ? 1000 : settings().pageSize });
  const shown = { query, grouped: group === "worker" };
  return (
    <Page name="orphans" title="Orphans" route="/lifecycle/orphans">
      <p className="bbl-lead">
        Instances that may still run, and cost money, after a release, a failed stop or a crash. An entry is closed when
        the stop succeeds later, by proof of the cloud, or by an operator.
      </p>
      <FilterForm>
        <Choice label="Entries" value={show} options={STATES} test="filter-show" onChoose={setShow} />
        <TextFilter label="Instance" value={instance} test="filter-instance" onChange={setInstance} />
        <TextFilter label="Worker" value={worker} test="filter-worker" onChange={setWorker} />
        <Choice label="Group by" value={group} options={GROUPS} test="group-by" onChoose={setGroup} />
        <CsvLink what="orphans" query={queryOf(filter)} />
      </FilterForm>
      {show === "open" ? <OpenOnes key={query} {...shown} /> : <Past key={query} {...shown} />}
    </Page>
  );
};

interface Shown {
  query: string;
  grouped: boolean;
}

/** All that are open, the oldest first: it has cost most. */
const OpenOnes = ({ query, grouped }: Shown) => {
  const { answer, failure, reload } = useAll<Orphan>("orphans", query);
  const orphans = useMemo(() => [...(answer?.items ?? [])].sort(byAge), [answer]);
  const { openOrphans } = useFleet();
  if (answer === null && failure !== null) return <FailedPage failure={failure} />;
  if (answer === null) return <p role="status">Loading the orphans…</p>;
  const open = answer.open ?? openOrphans;
  return (
    <>
      {open !== null && (
        <p className="bbl-muted" data-test="ledger-open" data-open={open}>
          {count(open, "entry", "entries")} of the whole ledger {open === 1 ? "is" : "are"} open.{" "}
          {answer.cut
            ? `Here are the newest ${orphans.length.toLocaleString("en")} of what you asked for.`
            : orphans.length !== open && `${count(orphans.length, "entry matches", "entries match")}.`}
        </p>
      )}
      <OrphanTable orphans={orphans} grouped={grouped} onClosed={reload} />
      {orphans.length === 0 && (
        <p className="bbl-muted">
          {open === 0 ? "No instance is known to have been left running." : "No entries match."}
        </p>
      )}
    </>
  );
};

/** What was closed, the newest first. */
const Past = ({ query, grouped }: Shown) => {
  const orphans = useHistory<Orphan>(null, "orphans", "orphans", query);
  return (
    <>
      <OrphanTable orphans={orphans.items} grouped={grouped} onClosed={orphans.reload} />
      <HistoryFoot history={orphans} what="orphans" empty="No entries match." test="orphans" />
    </>
  );
};
