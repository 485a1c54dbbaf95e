import React, { useCallback, useDeferredValue, useMemo, useRef, useState } from "react";
import { useTopbarItems } from "buildbot-ui";
import type { Fleet } from "../api/fleet";
import { fleetStore } from "../api/fleet";
import type { Worker } from "../api/types";
import { Behind, Stale } from "../components/Banners";
import { Blockers } from "../components/Blockers";
import { ForceDialog } from "../components/force/ForceDialog";
import { Icon } from "../components/Icon";
import { LiveBar } from "../components/LiveBar";
import { Notice } from "../components/Notice";
import { Orphans } from "../components/Orphans";
import { Filters } from "../components/table/Filters";
import { WorkerTable } from "../components/table/WorkerTable";
import { useFleet } from "../hooks/useFleet";
import { useView } from "../hooks/useView";
import { arrange } from "../model/arrange";
import { healthLine } from "../model/health";
import { explainPage } from "../model/refusals";

const TOPBAR = [{ caption: "Latent workers", route: "/lifecycle" }];
const HEALTH_ICONS = { ok: "ok", stuck: "stuck", warning: "failed" } as const;

export const Overview = () => {
  useTopbarItems(TOPBAR);
  const fleet = useFleet();
  const heading = useRef<HTMLHeadingElement>(null);
  const [target, setTarget] = useState<Worker | null>(null);
  const close = useCallback(() => {
    setTarget(null);
    // The row of the button may be gone by now; the browser then has nowhere to put the focus.
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) heading.current?.focus();
    });
  }, []);
  return (
    <div className="container bbl" data-bb-lifecycle="overview">
      <div className="bbl-top">
        <h1 className="h4" ref={heading} tabIndex={-1}>
          Latent workers
        </h1>
        <LiveBar />
      </div>
      <Content fleet={fleet} onForce={setTarget} />
      {target !== null && <ForceDialog key={target.workerid} worker={target} onClose={close} />}
    </div>
  );
};

const Content = ({ fleet, onForce }: { fleet: Fleet; onForce: (worker: Worker) => void }) => {
  if (fleet.at === null) return fleet.failure === null ? <Loading /> : <Failed fleet={fleet} />;
  return (
    <>
      <HealthLine fleet={fleet} />
      {fleet.failure !== null && <Stale failure={fleet.failure} at={fleet.at} />}
      {fleet.meta !== null && <Behind meta={fleet.meta} />}
      {fleet.stops !== null && <Blockers stops={fleet.stops} />}
      {fleet.orphans !== null && <Orphans orphans={fleet.orphans} onResolved={fleetStore.reload} open={false} />}
      {fleet.workers.length === 0 ? <Empty /> : <Workers fleet={fleet} onForce={onForce} />}
    </>
  );
};

const Workers = ({ fleet, onForce }: { fleet: Fleet; onForce: (worker: Worker) => void }) => {
  const [view, setView] = useView();
  // Typing stays quick with thousands of workers: the table follows when it can.
  const wanted = useDeferredValue(view);
  const rows = useMemo(() => arrange(fleet.workers, wanted), [fleet.workers, wanted]);
  return (
    <>
      <Filters workers={fleet.workers} shown={rows.length} view={view} onView={setView} />
      {rows.length === 0 ? (
        <Notice kind="light" title="No worker matches" test="no-match">
          None of the latent workers has all that you asked for. Clear the filter to see them all.
        </Notice>
      ) : (
        <WorkerTable rows={rows} meta={fleet.meta} view={view} onView={setView} onForce={onForce} />
      )}
    </>
  );
};

const HealthLine = ({ fleet }: { fleet: Fleet }) => {
  if (fleet.workers.length === 0) return null;
  const { level, text } = healthLine(fleet.workers, fleet.stops);
  return (
    <p className={`bbl-health bbl-health-${level}`} role="status" data-test="health-line" data-level={level}>
      <Icon name={HEALTH_ICONS[level]} /> {text}
    </p>
  );
};

const Loading = () => (
  <p className="bbl-loading" role="status" data-test="loading">
    Loading the latent workers…
  </p>
);

const Failed = ({ fleet }: { fleet: Fleet }) => {
  if (fleet.failure === null) return null;
  const { title, text } = explainPage(fleet.failure);
  return (
    <Notice
      kind={fleet.failure.status === 401 || fleet.failure.status === 403 ? "warning" : "danger"}
      title={title}
      test="failed"
    >
      <p>{text}</p>
      <button type="button" className="btn btn-secondary" onClick={fleetStore.reload}>
        Try again
      </button>
    </Notice>
  );
};

const Empty = () => (
  <Notice kind="light" title="This Buildbot has no latent workers" test="empty">
    Latent workers are those that Buildbot starts for a build and stops when idle, such as worker.EC2LatentWorker or
    worker.DockerLatentWorker. Add one to c['workers'] in master.cfg and reconfigure: it appears here by itself.
  </Notice>
);
