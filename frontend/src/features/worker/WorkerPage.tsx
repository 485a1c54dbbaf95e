import React from "react";
import { Link, useParams } from "react-router-dom";
import type { Action, Episode, LifecycleEvent, Orphan, Worker, WorkerChoice, WorkersMeta } from "../../contract/types";
import { VerdictBadge } from "../../ui/Badge";
import { Behind } from "../../ui/Banners";
import { ForceButton } from "../force/ForceButton";
import { ActDialog, type Act } from "../pause/ActDialog";
import { mayAct } from "../../model/door";
import { PAUSING_WORDS, canPause } from "../../model/pausing";
import { FailedPage } from "../../ui/FailedPage";
import { ToDoList } from "../todo/ToDoList";
import { WorkersInstances } from "../end/WorkersInstances";
import { OrphanTable } from "../orphans/OrphanTable";
import { HealthBox } from "../../ui/Health";
import { Page } from "../../ui/Page";
import { Distributions } from "./Distributions";
import { EpisodeTable } from "./EpisodeTable";
import { WhatHappened } from "./WhatHappened";
import { Facts } from "./Facts";
import { HistoryFoot } from "../../ui/HistoryFoot";
import { TimelineChart } from "./TimelineChart";
import { useHistory } from "../../hooks/useHistory";
import { useTarget } from "../../hooks/useTarget";
import { useWorker } from "../../hooks/useAnswer";
import { orphansRoute, workerRoute } from "../../model/links";
import type { ApiFailure } from "../../server/client";
import { Notice } from "../../ui/Notice";
import { stateWords } from "../../model/words";
import { useParam } from "../../hooks/useParam";
import { byAge } from "../../model/orphans";
import { settings } from "../../host/settings";

export const WorkerPage = () => {
  const workerid = Number(useParams<"workerid">().workerid);
  const [masterid] = useParam("masterid");
  return <OneWorker key={`${workerid} ${masterid}`} workerid={workerid} masterid={masterid} />;
};

/** `masterid`: as the address has it; empty where it names none. */
const OneWorker = ({ workerid, masterid }: { workerid: number; masterid: string }) => {
  const { worker, meta, failure, reload } = useWorker(workerid, masterid);
  const [target, open, close, heading] = useTarget<Act>();
  return (
    <Page
      name="worker"
      title={worker?.name ?? `Worker ${workerid}`}
      route={worker === null ? "/lifecycle" : workerRoute(worker)}
      heading={heading}
      worker={worker?.name}
      failure={worker === null ? null : failure}
    >
      {worker === null && failure === null && (
        <p className="bbl-loading" role="status" data-test="loading">
          Loading the worker…
        </p>
      )}
      {worker === null && failure !== null && <NoWorker workerid={workerid} failure={failure} />}
      {meta !== null && <Behind meta={meta} />}
      {worker !== null && <Now worker={worker} meta={meta} onDone={reload} onAct={open} />}
      {worker !== null && <Histories worker={worker} />}
      {target !== null && (
        <ActDialog
          target={target}
          onClose={() => {
            close();
            reload();
          }}
        />
      )}
    </Page>
  );
};

/** Of several masters that have it, which one is meant is for the reader to say. */
const NoWorker = ({ workerid, failure }: { workerid: number; failure: ApiFailure }) => {
  const choices = failure.details.choices as readonly WorkerChoice[] | undefined;
  if (failure.code !== "several_masters" || choices === undefined) return <FailedPage failure={failure} />;
  return (
    <Notice kind="light" title="Several masters have a worker of this name" test="several-masters">
      <ul>
        {choices.map(({ masterid, master, live, state }) => (
          <li key={masterid}>
            <Link to={workerRoute({ workerid, masterid })}>
              on <bdi>{master}</bdi>
            </Link>
            : {stateWords(state).label}
            {!live && ", a master that is not up"}
          </li>
        ))}
      </ul>
    </Notice>
  );
};

interface NowProps {
  worker: Worker;
  meta: WorkersMeta | null;
  onAct: (target: Act) => void;
  onDone: () => void;
}

const Now = ({ worker, meta, onAct, onDone }: NowProps) => {
  const { level } = worker.verdict;
  const look = level === "stuck" ? "stuck" : level === "ok" ? "ok" : "warning";
  return (
    <>
      <HealthBox level={look} test="verdict" verdict={level}>
        <span role="status">
          <VerdictBadge verdict={worker.verdict} /> {worker.verdict.reason}
        </span>
        <span className="bbl-row-actions">
          {meta !== null && mayAct(meta) && worker.to_do?.pause == null && (
            <PauseButton worker={worker} onAct={onAct} />
          )}
          <ForceButton
            worker={worker}
            meta={meta}
            onOpen={(one) => {
              onAct({ workers: [one], act: "force" });
            }}
          />
        </span>
      </HealthBox>
      <ToDoList worker={worker} onDone={onDone} />
      <Facts worker={worker} />
    </>
  );
};

const PauseButton = ({ worker, onAct }: Pick<NowProps, "worker" | "onAct">) => {
  const act = canPause(worker, "unpause") ? "unpause" : "pause";
  if (!canPause(worker, act)) return null;
  return (
    <button
      type="button"
      className="btn btn-sm btn-outline-secondary"
      aria-haspopup="dialog"
      data-test="pause-button"
      onClick={() => {
        onAct({ workers: [worker], act });
      }}
    >
      {PAUSING_WORDS[act]}…
    </button>
  );
};

const Histories = ({ worker }: { worker: Worker }) => {
  const { workerid, masterid } = worker;
  const of = `&masterid=${masterid}`;
  const { pageSize } = settings();
  const episodes = useHistory<Episode>(workerid, `workers/${workerid}/episodes`, "episodes", `?limit=20${of}`);
  const events = useHistory<LifecycleEvent>(
    workerid,
    `workers/${workerid}/events`,
    "events",
    `?limit=${pageSize}${of}`,
  );
  const actions = useHistory<Action>(workerid, "actions", "actions", `?workerid=${workerid}&limit=20${of}`);
  const orphans = useHistory<Orphan>(workerid, "orphans", "orphans", `?workerid=${workerid}&open=true&limit=20${of}`);
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
              <Link to={orphansRoute(worker)}>All {worker.orphans} open entries</Link>
            </p>
          )}
        </section>
      )}
      <WorkersInstances which={worker} worker={worker.name}>
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
