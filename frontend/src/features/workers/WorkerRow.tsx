import React, { memo } from "react";
import { Link } from "react-router-dom";
import type { Worker, WorkersMeta } from "../../contract/types";
import { useOutcome } from "../../hooks/useShared";
import { keyOf, type Key } from "../../model/key";
import { orphansRoute, workerRoute } from "../../model/links";
import { actWords, reasonTellsQuarantine, statusWords, worded } from "../../model/words";
import { AbandonedLine, ConnectedLine, PausedMark, StateLabel, VerdictBadge } from "../../ui/Badge";
import { BuildLink } from "../../ui/BuildLink";
import { ForceButton } from "../force/ForceButton";
import { Icon, actionIcon } from "../../ui/Icon";
import { Moment } from "../../ui/Time";
import { Sparkline } from "./Sparkline";
import { Waited } from "./Waited";

interface Props {
  worker: Worker;
  index: number;
  meta: WorkersMeta | null;
  showMaster: boolean;
  selected: boolean;
  /** Null where nothing can be selected. */
  onSelect: ((worker: Key, selected: boolean) => void) | null;
  onForce: (worker: Worker) => void;
}

const LEVELS: Record<string, string> = {
  stuck: "bbl-row-stuck",
  attention: "bbl-row-attention",
  failed: "bbl-row-failed",
  slow: "bbl-row-slow",
};

/** One worker. It draws itself again only when its worker has changed: the ages tick by themselves. */
export const WorkerRow = memo(
  ({ worker, index, meta, showMaster, selected, onSelect, onForce }: Props) => (
    <tr
      role="row"
      data-index={index}
      aria-rowindex={index + 2}
      className={`bbl-row ${LEVELS[worker.verdict.level] ?? ""}${index % 2 === 1 ? " bbl-odd" : ""}`}
      data-test="worker-row"
      data-worker={worker.name}
      data-verdict={worker.verdict.level}
      data-state={worker.state}
    >
      {onSelect !== null && (
        <td role="cell" className="bbl-c-select">
          <input
            type="checkbox"
            checked={selected}
            aria-label={`Select ${worker.name}`}
            data-test="select"
            onChange={(event) => {
              onSelect(keyOf(worker), event.target.checked);
            }}
          />
        </td>
      )}
      <th role="rowheader" scope="row" className="bbl-c-worker">
        <Link to={workerRoute(worker)}>
          <bdi>{worker.name}</bdi>
        </Link>{" "}
        <PausedMark worker={worker} />
        <span className="bbl-sub bbl-line" title={`${worker.class} on ${worker.master}`}>
          {worker.class}
          {showMaster && ` on ${worker.master}`}
        </span>
        {(worker.orphans ?? 0) > 0 && (
          <span className="bbl-sub" data-test="row-orphans">
            <Icon name="failed" /> <Link to={orphansRoute(worker)}>may still run</Link>
          </span>
        )}
      </th>
      <td role="cell" className="bbl-c-verdict">
        <VerdictBadge verdict={worker.verdict} />
        {worker.verdict.level !== "ok" && (
          <bdi className="bbl-sub bbl-reason bbl-clamp" title={worker.verdict.reason}>
            {worker.verdict.reason}
          </bdi>
        )}
        {worker.quarantined_until != null && !reasonTellsQuarantine(worker) && (
          <span className="bbl-sub" data-test="quarantine">
            Buildbot starts no build on it until <Moment at={worker.quarantined_until} />
          </span>
        )}
        {/* The reason of what is not over says it. */}
        {worker.verdict.code !== "not_over" && <AbandonedLine worker={worker} />}
        <RowOutcome worker={keyOf(worker)} />
      </td>
      <td role="cell" className="bbl-c-state">
        <StateLabel state={worker.state} />
        <ConnectedLine worker={worker} />
      </td>
      <td role="cell" className="bbl-c-for">
        <Waited worker={worker} />
      </td>
      <td role="cell" className="bbl-c-lately">
        <Sparkline worker={keyOf(worker)} />
      </td>
      <td role="cell" className="bbl-c-build">
        {worker.building.map((build, at) => (
          <div key={build.buildid ?? at}>
            <BuildLink build={build} />
          </div>
        ))}
      </td>
      <td role="cell" className="bbl-c-action">
        <ForceButton worker={worker} meta={meta} onOpen={onForce} />
      </td>
    </tr>
  ),
  (a, b) =>
    a.index === b.index &&
    a.showMaster === b.showMaster &&
    a.selected === b.selected &&
    a.onSelect === b.onSelect &&
    a.meta?.can_force === b.meta?.can_force &&
    a.meta?.user === b.meta?.user &&
    a.worker === b.worker,
);
WorkerRow.displayName = "WorkerRow";

/** What came of what was asked for here. */
const RowOutcome = ({ worker }: { worker: Key }) => {
  const action = useOutcome(worker);
  return (
    <span role="status">
      {action !== null && (
        <span className="bbl-sub" data-test="row-outcome" data-status={action.status}>
          <Icon name={actionIcon(action.status)} /> {actWords(action)}: {statusWords(action.status)}
          {action.outcome !== null && `. ${worded(action.outcome)}`}
        </span>
      )}
    </span>
  );
};
