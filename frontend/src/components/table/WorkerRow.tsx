import React, { memo } from "react";
import { Link } from "react-router-dom";
import type { Worker, WorkersMeta } from "../../api/types";
import { workerRoute } from "../../model/links";
import { Connected, PausedMark, StateLabel, VerdictBadge } from "../Badge";
import { BuildLink } from "../BuildLink";
import { ForceButton } from "../ForceButton";
import { Age } from "../Time";

interface Props {
  worker: Worker;
  index: number;
  meta: WorkersMeta | null;
  showMaster: boolean;
  measure: (row: HTMLTableRowElement | null) => void;
  onForce: (worker: Worker) => void;
}

/** One worker. It draws itself again only when its worker has changed: the ages tick by themselves. */
export const WorkerRow = memo(
  ({ worker, index, meta, showMaster, measure, onForce }: Props) => (
    <tr
      ref={measure}
      data-index={index}
      aria-rowindex={index + 2}
      className={`bbl-row bbl-row-${worker.verdict.level}${index % 2 === 1 ? " bbl-odd" : ""}`}
      data-test="worker-row"
      data-worker={worker.name}
      data-verdict={worker.verdict.level}
      data-state={worker.state}
    >
      <th scope="row">
        <Link to={workerRoute(worker.workerid)}>{worker.name}</Link> <PausedMark worker={worker} />
        <span className="bbl-sub bbl-line" title={`${worker.class} on ${worker.master}`}>
          {worker.class}
          {showMaster && ` on ${worker.master}`}
        </span>
      </th>
      <td>
        <VerdictBadge verdict={worker.verdict} />
        {worker.verdict.level !== "ok" && <span className="bbl-sub bbl-reason">{worker.verdict.reason}</span>}
      </td>
      <td>
        <StateLabel state={worker.state} />
      </td>
      <td>
        <Age since={worker.state_since} />
      </td>
      <td>
        <Connected worker={worker} />
      </td>
      <td>
        {worker.building.map((build, at) => (
          <div key={build.buildid ?? at}>
            <BuildLink build={build} />
          </div>
        ))}
      </td>
      <td>
        <ForceButton worker={worker} meta={meta} onOpen={onForce} />
      </td>
    </tr>
  ),
  (a, b) =>
    a.index === b.index &&
    a.showMaster === b.showMaster &&
    a.meta?.can_force === b.meta?.can_force &&
    a.meta?.user === b.meta?.user &&
    (a.worker === b.worker || JSON.stringify(a.worker) === JSON.stringify(b.worker)),
);
WorkerRow.displayName = "WorkerRow";
