import React from "react";
import type { Action } from "../../api/types";
import { plain, statusWords } from "../../model/words";
import { VerdictBadge } from "../Badge";
import { Icon, type IconName } from "../Icon";
import { Moment } from "../Time";
import { Steps } from "../force/Steps";

const ICONS: Record<string, IconName> = { done: "ok", failed: "no", refused: "stuck", asked: "waiting" };

/** Who asked for what, why, and what came of it. */
export const ActionList = ({ actions }: { actions: readonly Action[] }) => (
  <ul className="bbl-actions" data-test="actions">
    {actions.map((action) => (
      <li key={action.id} data-test="action-row" data-action={action.id} data-status={action.status}>
        <Icon name={ICONS[action.status] ?? "unknown"} /> <strong>{plain(action.what)}</strong>{" "}
        {statusWords(action.status)}, <Moment at={action.at} />, by <strong>{action.actor}</strong>: {action.reason}
        {action.outcome !== null && <span className="bbl-sub">{action.outcome}</span>}
        <details>
          <summary>
            Steps of action {action.id}
            {action.override && ", with the override"}
          </summary>
          <p>
            At that time: <VerdictBadge verdict={action.verdict} /> {action.verdict.reason}
          </p>
          <Steps steps={action.steps} outcome={true} />
        </details>
      </li>
    ))}
  </ul>
);
