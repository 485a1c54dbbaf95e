import React from "react";
import { Link, useParams } from "react-router-dom";
import type { Action, Episode, LifecycleEvent, Orphan, Worker, WorkersMeta } from "../../contract/types";
import { VerdictBadge } from "../../ui/Badge";
import { Behind } from "../../ui/Banners";
import { ForceButton } from "../force/ForceButton";
import { FailedPage } from "../../ui/FailedPage";
import { WorkersInstances } from "../end/WorkersInstances";
import { OrphanTable } from "../orphans/OrphanTable";
import { HealthBox } from "../../ui/Health";
import { Page } from "../../ui/Page";
import { ForceDialog } from "../force/ForceDialog";
import { Distributions } from "./Distributions";
import { EpisodeTable } from "./EpisodeTable";
import { WhatHappened } from "./WhatHappened";
import { Facts } from "./Facts";
import { HistoryFoot } from "../../ui/HistoryFoot";
import { TimelineChart } from "./TimelineChart";
import { useHistory } from "../../hooks/useHistory";
import { useTarget } from "../../hooks/useTarget";
import { useWorker } from "../../hooks/useAnswer";
import { workerRoute } from "../../model/links";
import { byAge } from "../../model/orphans";
import { settings } from "../../host/settings";

export const WorkerPage = () => {
  const workerid = Number(useParams<"workerid">().workerid);
  return <OneWorker key={workerid} workerid={workerid} />;
};

const OneWorker = ({ workerid }: { workerid: number }) => {
  const { worker, meta, failure } = useWorker(workerid);
  const [target, open, close, heading] = useTarget<readonly Worker[]>();
  return (
    <Page
      name="worker"
      title={worker?.name ?? `Worker ${workerid}`}
      route={workerRoute(workerid)}
      heading={heading}
      worker={worker?.name}
      failure={worker === null ? null : failure}
    >
      {worker === null && failure === null && (
        <p className="bbl-loading" role="status" data-test="loading">
          Loading the worker…
        </p>
      )}
      {worker === null && failure !== null && <FailedPage failure={failure} />}
      {meta !== null && <Behind meta={meta} />}
      {worker !== null && (
        <Now
          worker={worker}
          meta={meta}
          onForce={(one) => {
            open([one]);
          }}
        />
      )}
      {worker !== null && <Histories worker={worker} />}
      {target !== null && <ForceDialog workers={target} onClose={close} />}
    </Page>
  );
};

interface NowProps {
  worker: Worker;
  meta: WorkersMeta | null;
  onForce: (worker: Worker) => void;
}

const Now = ({ worker, meta, onForce }: NowProps) => {
  const { level } = worker.verdict;
  const look = level === "stuck" ? "stuck" : level === "ok" ? "ok" : "warning";
  return (
    <>
      <HealthBox level={look} test="verdict" verdict={level}>
        <span role="status">
          <VerdictBadge verdict={worker.verdict} /> {worker.verdict.reason}
        </span>
        <ForceButton worker={worker} meta={meta} onOpen={onForce} />
      </HealthBox>
      <Facts worker={worker} />
    </>
  );
};

const Histories = ({ worker }: { worker: Worker }) => {
  const { workerid } = worker;
  const { pageSize } = settings();
  const episodes = useHistory<Episode>(workerid, `workers/${workerid}/episodes`, "episodes", "?limit=20");
  const events = useHistory<LifecycleEvent>(workerid, `workers/${workerid}/events`, "events", `?limit=${pageSize}`);
  const actions = useHistory<Action>(workerid, "actions", "actions", `?workerid=${workerid}&limit=20`);
  const orphans = useHistory<Orphan>(workerid, "orphans", "orphans", `?workerid=${workerid}&open=true&limit=20`);
  const open = [...orphans.items].sort(byAge);
  return (
    <>
      {orphans.items.length > 0 && (
        <section aria-labelledby="bbl-left">
          <h2 className="h5" id="bbl-left">
            May still run
          </h2>
          <OrphanTable orphans={open} onClosed={orphans.reload} />
          {orphans.next !== null && (
            <p>
              <Link to={`/lifecycle/orphans?workerid=${workerid}`}>All {worker.orphans} open entries</Link>
            </p>
          )}
        </section>
      )}
      <WorkersInstances workerid={workerid} worker={worker.name}>
        <h2 className="h5">Instances</h2>
      </WorkersInstances>
      <section aria-labelledby="bbl-episodes">
        <h2 className="h5" id="bbl-episodes">
          Episodes
        </h2>
        {episodes.items.length > 0 && <TimelineChart episodes={episodes.items} />}
        {episodes.items.length > 0 && <EpisodeTable episodes={episodes.items} />}
        <HistoryFoot
          history={episodes}
          what="episodes"
          empty="No episode yet: no instance was started since the recorder came."
          test="episodes"
        />
      </section>
      <Distributions worker={worker} />
      <WhatHappened
        actions={actions}
        events={events}
        noActions="Nobody has forced anything here."
        noEvents="Nothing was recorded yet."
      />
    </>
  );
};
