import React from "react";
import { Link } from "react-router-dom";
import type { Action } from "../../contract/types";
import { episodeRoute, workerRoute } from "../../model/links";
import { actorWords, plain, statusWords, worded } from "../../model/words";
import { VerdictBadge } from "../../ui/Badge";
import { Icon, actionIcon } from "../../ui/Icon";
import { Moment } from "../../ui/Time";
import { Steps } from "../act/Steps";

/** Who asked for what, why, and what came of it. */
export const ActionList = ({ actions, named = false }: { actions: readonly Action[]; named?: boolean }) => (
  <ul className="bbl-actions" data-test="actions">
    {actions.map((action) => (
      <li key={action.id} data-test="action-row" data-action={action.id} data-status={action.status}>
        <Icon name={actionIcon(action.status)} />{" "}
        <strong>{action.what === "end" ? "end instance" : plain(action.what)}</strong>{" "}
        {action.what === "end" && action.instance != null && (
          <>
            <code>
              <bdi>{action.instance}</bdi>
            </code>{" "}
          </>
        )}
        {named && (
          <>
            of{" "}
            <Link to={workerRoute(action)}>
              <bdi>{action.worker}</bdi>
            </Link>{" "}
          </>
        )}
        {statusWords(action.status)}, <Moment at={action.at} />, by{" "}
        <strong>
          <bdi>{actorWords(action.actor, action.actor_kind)}</bdi>
        </strong>
        : <bdi className="bbl-text">{action.reason}</bdi>
        {action.outcome !== null && <span className="bbl-sub">{worded(action.outcome)}</span>}
        <details>
          <summary>
            Steps of action {action.id}
            {action.override && ", with the override"}
          </summary>
          {action.verdict !== null && (
            <p>
              At that time: <VerdictBadge verdict={action.verdict} /> {action.verdict.reason}
            </p>
          )}
          {action.episode !== null && (
            <p>
              In <Link to={episodeRoute(action.episode)}>episode {action.episode}</Link>
            </p>
          )}
          <Steps steps={action.steps} outcome={true} />
        </details>
      </li>
    ))}
  </ul>
);
