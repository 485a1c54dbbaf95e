import React from "react";
import type { DryRun, Worker } from "../../api/types";
import { Connected, StateLabel, VerdictBadge } from "../Badge";
import { BuildLink } from "../BuildLink";
import { Icon } from "../Icon";
import { Frames } from "../Frames";
import { Age } from "../Time";
import { Steps } from "./Steps";

/** What the dry run found: what is waited for, what would be done, and what that may bring about. */
export const Plan = ({ worker, plan }: { worker: Worker; plan: DryRun }) => (
  <div data-test="force-plan">
    <dl className="bbl-facts">
      <dt>State</dt>
      <dd>
        <StateLabel state={worker.state} /> for <Age since={worker.state_since} />
      </dd>
      <dt>Verdict</dt>
      <dd>
        <VerdictBadge verdict={plan.verdict} /> {plan.verdict.reason}
      </dd>
      {worker.pending !== null && (
        <>
          <dt>Waits for</dt>
          <dd>
            <code>{worker.pending.call}</code>, for <Age since={worker.pending.since} />
            <Frames frames={worker.pending.where} />
          </dd>
        </>
      )}
      <dt>Connected</dt>
      <dd>
        <Connected worker={worker} />
      </dd>
      <dt>Instance</dt>
      <dd>{plan.instance === null ? "not known" : <code>{plan.instance}</code>}</dd>
      {plan.build !== null && (
        <>
          <dt>Build</dt>
          <dd>
            <BuildLink build={plan.build} />
          </dd>
        </>
      )}
    </dl>
    {plan.warnings.length > 0 && (
      <div className="alert alert-warning" data-test="force-warnings">
        <strong>
          <Icon name="failed" /> Know before you do it
        </strong>
        <ul>
          {plan.warnings.map((warning, index) => (
            <li key={index}>{warning}</li>
          ))}
        </ul>
      </div>
    )}
    {plan.steps.length > 0 && (
      <>
        <h3 className="h6">
          {plan.eligible ? "What will be done, in this order" : "What would be done, in this order"}
        </h3>
        <Steps steps={plan.steps} outcome={false} />
      </>
    )}
  </div>
);
