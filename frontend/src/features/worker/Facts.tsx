import React from "react";
import { Link } from "react-router-dom";
import type { Worker } from "../../contract/types";
import { stockWorkerRoute } from "../../model/links";
import { AbandonedLine, StateLabel } from "../../ui/Badge";
import { BuildLink } from "../../ui/BuildLink";
import { ConnectedFact, PendingFact } from "../../ui/FactRows";
import { InstanceName } from "../../ui/InstanceName";
import { toldAt } from "../../model/words";
import { Age, Moment } from "../../ui/Time";

/** What is known of a worker now. */
export const Facts = ({ worker }: { worker: Worker }) => (
  <dl className="bbl-facts" data-test="facts">
    <dt>State</dt>
    <dd data-test="fact-state" data-state={worker.state}>
      <StateLabel state={worker.state} /> for <Age since={worker.state_since} until={toldAt(worker)} />
    </dd>
    <PendingFact worker={worker} />
    {(worker.abandoned ?? []).length > 0 && (
      <>
        <dt>Abandoned</dt>
        <dd>
          <AbandonedLine worker={worker} />
        </dd>
      </>
    )}
    <ConnectedFact worker={worker} />
    {worker.last_sign != null && (
      <>
        <dt>Last heard</dt>
        <dd>
          <Age since={worker.last_sign} /> ago
        </dd>
      </>
    )}
    {worker.quarantined_until != null && (
      <>
        <dt>Quarantine</dt>
        <dd data-test="quarantine">
          Buildbot starts no build on it until <Moment at={worker.quarantined_until} />
        </dd>
      </>
    )}
    <dt>Current build</dt>
    <dd>
      {worker.building.length === 0
        ? "none"
        : worker.building.map((build, index) => (
            <React.Fragment key={build.buildid ?? index}>
              {index > 0 && ", "}
              <BuildLink build={build} />
              {build.since !== undefined && (
                <>
                  {" "}
                  for <Age since={build.since} until={toldAt(worker)} />
                </>
              )}
            </React.Fragment>
          ))}
    </dd>
    <dt>Instance</dt>
    <dd>{worker.instance === null ? "none that is known" : <InstanceName name={worker.instance} />}</dd>
    <dt>Paused</dt>
    <dd>{worker.paused ? `yes${worker.pause_reason === null ? "" : `: ${worker.pause_reason}`}` : "no"}</dd>
    <dt>Class</dt>
    <dd>
      <code>{worker.class}</code>
    </dd>
    <dt>Master</dt>
    <dd>
      <Link to={`/masters/${worker.masterid}`}>{worker.master}</Link>
      {!worker.live && " (not up: what stands here is as last known)"}
    </dd>
    <dt>In Buildbot</dt>
    <dd>
      <Link to={stockWorkerRoute(worker.workerid)}>Builds, pausing and the worker's own page</Link>
    </dd>
  </dl>
);
