import React, { useCallback, useMemo, useRef, useState } from "react";
import { useTopbarItems } from "buildbot-ui";
import { Link, useParams } from "react-router-dom";
import type { ApiFailure } from "../api/client";
import type { Action, Episode, LifecycleEvent, Orphan, Worker, WorkersMeta } from "../api/types";
import { VerdictBadge } from "../components/Badge";
import { Behind, Stale } from "../components/Banners";
import { ForceButton } from "../components/ForceButton";
import { LiveBar } from "../components/LiveBar";
import { Notice } from "../components/Notice";
import { Orphans } from "../components/Orphans";
import { ForceDialog } from "../components/force/ForceDialog";
import { ActionList } from "../components/worker/ActionList";
import { EpisodeTable } from "../components/worker/EpisodeTable";
import { EventTable } from "../components/worker/EventTable";
import { Facts } from "../components/worker/Facts";
import { HistoryFoot } from "../components/worker/HistoryFoot";
import { TimelineChart } from "../components/worker/TimelineChart";
import { useHistory } from "../hooks/useHistory";
import { useWorker } from "../hooks/useWorker";
import { explainPage } from "../model/refusals";

export const WorkerPage = () => {
  const workerid = Number(useParams<"workerid">().workerid);
  return <OneWorker key={workerid} workerid={workerid} />;
};

const OneWorker = ({ workerid }: { workerid: number }) => {
  const { worker, meta, failure, at } = useWorker(workerid);
  const name = worker?.name ?? `Worker ${workerid}`;
  useTopbarItems(
    useMemo(
      () => [
        { caption: "Latent workers", route: "/lifecycle" },
        { caption: name, route: `/lifecycle/workers/${workerid}` },
      ],
      [name, workerid],
    ),
  );
  const heading = useRef<HTMLHeadingElement>(null);
  const [target, setTarget] = useState<Worker | null>(null);
  const close = useCallback(() => {
    setTarget(null);
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) heading.current?.focus();
    });
  }, []);
  return (
    <div className="container bbl" data-bb-lifecycle="worker" data-worker={worker?.name}>
      <div className="bbl-top">
        <h1 className="h4" ref={heading} tabIndex={-1}>
          {name}
        </h1>
        <LiveBar />
      </div>
      {worker === null && failure === null && (
        <p className="bbl-loading" role="status" data-test="loading">
          Loading the worker…
        </p>
      )}
      {worker === null && failure !== null && <Failed failure={failure} />}
      {worker !== null && failure !== null && at !== null && <Stale failure={failure} at={at} />}
      {meta !== null && <Behind meta={meta} />}
      {worker !== null && <Now worker={worker} meta={meta} onForce={setTarget} />}
      {worker !== null && <Histories workerid={worker.workerid} />}
      {target !== null && <ForceDialog worker={target} onClose={close} />}
    </div>
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
      <div className={`bbl-health bbl-health-${look} bbl-verdict`} data-test="verdict" data-verdict={level}>
        <span role="status">
          <VerdictBadge verdict={worker.verdict} /> {worker.verdict.reason}
        </span>
        <ForceButton worker={worker} meta={meta} onOpen={onForce} />
      </div>
      <Facts worker={worker} />
    </>
  );
};

const Histories = ({ workerid }: { workerid: number }) => {
  const episodes = useHistory<Episode>(workerid, `workers/${workerid}/episodes`, "episodes", "?limit=20");
  const events = useHistory<LifecycleEvent>(workerid, `workers/${workerid}/events`, "events", "?limit=50");
  const actions = useHistory<Action>(workerid, "actions", "actions", `?workerid=${workerid}&limit=20`);
  const orphans = useHistory<Orphan>(workerid, "orphans", "orphans", `?workerid=${workerid}&open=true&limit=20`);
  return (
    <>
      {orphans.items.length > 0 && <Orphans orphans={orphans.items} onResolved={orphans.reload} open={true} />}
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
      <section aria-labelledby="bbl-actions">
        <h2 className="h5" id="bbl-actions">
          Actions
        </h2>
        <ActionList actions={actions.items} />
        <HistoryFoot history={actions} what="actions" empty="Nobody has forced anything here." test="actions" />
      </section>
      <section aria-labelledby="bbl-events">
        <h2 className="h5" id="bbl-events">
          Events
        </h2>
        {events.items.length > 0 && <EventTable events={events.items} />}
        <HistoryFoot history={events} what="events" empty="Nothing was recorded yet." test="events" />
      </section>
    </>
  );
};

const Failed = ({ failure }: { failure: ApiFailure }) => {
  const { title, text } = explainPage(failure);
  return (
    <Notice kind="warning" title={title} test="failed">
      <p>{text}</p>
      <Link to="/lifecycle">All latent workers</Link>
    </Notice>
  );
};
