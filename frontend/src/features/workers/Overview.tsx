import React, { memo, useCallback, useDeferredValue, useMemo, useState } from "react";
import { lastHeard, serverNow } from "../../server/clock";
import type { Fleet } from "../../server/fleet";
import type { Worker } from "../../contract/types";
import { Behind } from "../../ui/Banners";
import { Blockers } from "../stop/Blockers";
import { ActDialog, type Act } from "../pause/ActDialog";
import { HealthLine } from "../../ui/Health";
import { Icon } from "../../ui/Icon";
import { Notice } from "../../ui/Notice";
import { OrphansLine } from "../orphans/OrphansLine";
import { Page } from "../../ui/Page";
import { FailedPage } from "../../ui/FailedPage";
import { Filters } from "./Filters";
import { SelectionBar } from "./SelectionBar";
import { Tiles } from "./Tiles";
import { WorkerTable } from "./WorkerTable";
import { useFleet } from "../../hooks/useShared";
import { useTarget } from "../../hooks/useTarget";
import { useView } from "../../hooks/useView";
import { keyOf, type Key } from "../../model/key";
import { mayAct } from "../../model/door";
import { arrange } from "../../model/arrange";
import { healthLine, lastKnownLine } from "../../model/health";
import { clockTime } from "../../model/moments";

const HEALTH_ICONS = { ok: "ok", stuck: "stuck", warning: "failed", unknown: "unknown" } as const;

export const Overview = () => {
  const fleet = useFleet();
  const [target, open, close, heading] = useTarget<Act>();
  const onForce = useCallback(
    (worker: Worker) => {
      open({ workers: [worker], act: "force" });
    },
    [open],
  );
  return (
    <Page name="overview" title="Latent workers" heading={heading}>
      <Content fleet={fleet} onForce={onForce} onAct={open} />
      {target !== null && <ActDialog target={target} onClose={close} />}
    </Page>
  );
};

interface ContentProps {
  fleet: Fleet;
  onForce: (worker: Worker) => void;
  onAct: (target: Act) => void;
}

const Content = ({ fleet, onForce, onAct }: ContentProps) => {
  // The table of thousands is drawn in pieces, between which the browser answers the reader.
  const drawn = useDeferredValue(fleet);
  if (fleet.at === null) return fleet.failure === null ? <Loading /> : <FailedPage failure={fleet.failure} />;
  return (
    <>
      <Health fleet={fleet} />
      {fleet.meta !== null && <Behind meta={fleet.meta} />}
      <div className="bbl-panels">
        {fleet.stops !== null && <Blockers stops={fleet.stops} at={fleet.stopsAt} lost={fleet.failure !== null} />}
        {fleet.stops !== null && <OrphansLine open={fleet.openOrphans} />}
      </div>
      {fleet.workers.length === 0 ? (
        <Empty />
      ) : drawn.workers.length === 0 ? (
        // What is drawn lags behind: none yet is not the same as none that matches.
        <Loading />
      ) : (
        <Workers fleet={drawn} onForce={onForce} onAct={onAct} />
      )}
    </>
  );
};

const NOBODY: ReadonlySet<Key> = new Set();

const Workers = memo(({ fleet, onForce, onAct }: ContentProps) => {
  const [view, setView] = useView();
  // Typing stays quick with thousands of workers: the table follows when it can.
  const wanted = useDeferredValue(view);
  const rows = useMemo(() => arrange(fleet.workers, wanted), [fleet.workers, wanted]);
  const [selection, setSelection] = useState(NOBODY);
  const select = useCallback((worker: Key, selected: boolean) => {
    setSelection((now) => {
      const next = new Set(now);
      if (selected) next.add(worker);
      else next.delete(worker);
      return next;
    });
  }, []);
  const selected = selection.size === 0 ? [] : fleet.workers.filter((worker) => selection.has(keyOf(worker)));
  return (
    <>
      <Tiles workers={fleet.workers} view={wanted} onView={setView} />
      <Filters workers={fleet.workers} shown={rows.length} view={view} onView={setView} />
      {rows.length === 0 ? (
        <Notice kind="light" title="No worker matches" test="no-match">
          None of the latent workers has all that you asked for. Clear the filter to see them all.
        </Notice>
      ) : (
        <WorkerTable
          rows={rows}
          meta={fleet.meta}
          view={view}
          onView={setView}
          onForce={onForce}
          selection={selection}
          onSelect={fleet.meta !== null && mayAct(fleet.meta) ? select : null}
        />
      )}
      <SelectionBar
        selected={selected}
        shown={rows}
        onSelect={(workers) => {
          setSelection(new Set(workers.map(keyOf)));
        }}
        onForce={
          fleet.meta?.can_force === true
            ? () => {
                onAct({ workers: selected, act: "force" });
              }
            : null
        }
        onPause={(act) => {
          onAct({
            workers: selected,
            act,
            done: () => {
              setSelection(NOBODY);
            },
          });
        }}
      />
    </>
  );
});
Workers.displayName = "Workers";

const Health = ({ fleet }: { fleet: Fleet }) => {
  if (fleet.workers.length === 0) return null;
  const { level, text } =
    fleet.failure === null
      ? healthLine(fleet.workers, fleet.stops)
      : lastKnownLine(fleet.workers, clockTime(lastHeard() ?? serverNow()));
  return (
    <HealthLine level={level} test="health-line">
      <Icon name={HEALTH_ICONS[level]} /> {text}
    </HealthLine>
  );
};

const Loading = () => (
  <p className="bbl-loading" role="status" data-test="loading">
    Loading the latent workers…
  </p>
);

const Empty = () => (
  <Notice kind="light" title="This Buildbot has no latent workers" test="empty">
    Latent workers are those that Buildbot starts for a build and stops when idle, such as worker.EC2LatentWorker or
    worker.DockerLatentWorker. Add one to c['workers'] in master.cfg and reconfigure: it appears here by itself.
  </Notice>
);
