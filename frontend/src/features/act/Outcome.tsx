import React, { useEffect, useRef } from "react";
import { Link } from "react-router-dom";
import type { Action } from "../../contract/types";
import { workerRoute } from "../../model/links";
import { actorWords, statusWords, worded } from "../../model/words";
import { Icon, type IconName } from "../../ui/Icon";
import { Steps } from "./Steps";

interface Look {
  kind: string;
  icon: IconName;
  title: string;
}

const LOOKS: Record<string, Look> = {
  done: { kind: "alert-success", icon: "ok", title: "Done" },
  failed: { kind: "alert-danger", icon: "no", title: "Failed" },
  refused: { kind: "alert-warning", icon: "stuck", title: "Refused" },
};
const STILL = { kind: "alert-info", icon: "waiting" as const, title: "Asked; the master has not answered yet" };

interface Props {
  action: Action;
  /** What it is called by tests. */
  test?: string;
  /** Titles by status where they are others; that of `asked` is for an action which is not over. */
  titles?: Record<string, string>;
  children?: React.ReactNode;
}

/** What came of it, step by step. */
export const Outcome = ({ action, test = "force-outcome", titles = {}, children }: Props) => {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
  }, []);
  const { kind, icon, title } = LOOKS[action.status] ?? STILL;
  return (
    <div data-test={test} data-status={action.status}>
      <div className={`alert ${kind}`} role="status">
        <h3 className="h6" tabIndex={-1} ref={heading}>
          <Icon name={icon} /> {titles[action.status] ?? title}
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
        <Link to={workerRoute(action)}>All actions on {action.worker}</Link>
      </p>
      {children}
    </div>
  );
};
