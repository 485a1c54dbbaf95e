import React from "react";
import type { DryRun, Worker } from "../../contract/types";
import { StateLabel, VerdictBadge } from "../../ui/Badge";
import { BuildLink } from "../../ui/BuildLink";
import { ConnectedFact, PendingFact } from "../../ui/FactRows";
import { Icon } from "../../ui/Icon";
import { Age } from "../../ui/Time";
import { Steps } from "../act/Steps";

/** What the dry run found: what is waited for, what would be done, and what that may bring about. */
export const Plan = ({ worker, plan }: { worker: Worker; plan: DryRun }) => {
  // An older server names one of them.
  const builds = plan.builds ?? (plan.build === null ? [] : [plan.build]);
  return (
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
        <PendingFact worker={worker} />
        <ConnectedFact worker={worker} />
        <dt>Instance</dt>
        <dd>{plan.instance === null ? "not known" : <code>{plan.instance}</code>}</dd>
        {builds.length > 0 && (
          <>
            <dt>{builds.length === 1 ? "Build" : "Builds"}</dt>
            <dd data-test="force-builds" data-builds={builds.length}>
              {builds.map((build, index) => (
                <React.Fragment key={build.buildid ?? index}>
                  {index > 0 && ", "}
                  <BuildLink build={build} />
                </React.Fragment>
              ))}
            </dd>
          </>
        )}
      </dl>
      {plan.warnings.length > 0 && (
        <div className="alert alert-warning" data-test="force-warnings">
          <strong>
            <Icon name="failed" /> Before you continue
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
};
