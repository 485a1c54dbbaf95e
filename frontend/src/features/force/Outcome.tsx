import React, { useEffect, useRef } from "react";
import { Link } from "react-router-dom";
import type { Action } from "../../contract/types";
import { workerRoute } from "../../model/links";
import { actorWords, statusWords, worded } from "../../model/words";
import { Icon, type IconName } from "../../ui/Icon";
import { Steps } from "./Steps";

const LOOKS: Record<string, { kind: string; icon: IconName; title: string }> = {
  done: { kind: "alert-success", icon: "ok", title: "Done" },
  failed: { kind: "alert-danger", icon: "no", title: "Failed" },
  refused: { kind: "alert-warning", icon: "stuck", title: "Refused" },
};
const STILL = { kind: "alert-info", icon: "waiting" as const, title: "Asked; the master has not answered yet" };

/** What came of it, step by step. */
export const Outcome = ({ action }: { action: Action }) => {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
  }, []);
  const { kind, icon, title } = LOOKS[action.status] ?? STILL;
  return (
    <div data-test="force-outcome" data-status={action.status}>
      <div className={`alert ${kind}`} role="status">
        <h3 className="h6" tabIndex={-1} ref={heading}>
          <Icon name={icon} /> {title}
        </h3>
        {action.outcome !== null
          ? worded(action.outcome)
          : action.finished_at === null
            ? "This dialog goes on asking. You may close it: the outcome will stand among the actions."
            : statusWords(action.status)}
      </div>
      <Steps steps={action.steps} outcome={true} />
      <p>
        It is recorded as action {action.id}, by {actorWords(action.actor, action.actor_kind)}.{" "}
        <Link to={workerRoute(action.workerid)}>All actions on {action.worker}</Link>
      </p>
    </div>
  );
};
