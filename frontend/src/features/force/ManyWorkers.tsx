import React, { useEffect, useRef } from "react";
import { explainForce } from "../../model/refusals";
import { count, statusWords, worded } from "../../model/words";
import { Icon, actionIcon } from "../../ui/Icon";
import { Notice } from "../../ui/Notice";
import type { Course, One } from "./course";

interface Props {
  course: Course;
  /** How many can be done. */
  ready: number;
  looking: boolean;
}

/** Several workers, in a line each; then what came of each. */
export const ManyWorkers = ({ course: { ones, sent }, ready, looking }: Props) => {
  const over = sent === "sent";
  const heading = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    if (over) heading.current?.focus();
  }, [over]);
  const done = ones.filter((one) => one.action?.status === "done").length;
  return (
    <>
      {over ? (
        <p tabIndex={-1} ref={heading} role="status" data-test="force-many-outcome" data-done={done}>
          <strong>
            {done} of {count(ready, "worker")} freed.
          </strong>{" "}
          Each is recorded as an action of its own.
        </p>
      ) : (
        <p>
          The masters stop waiting for these workers. <strong>This does not stop their instances</strong>: whether they
          still run is for you to find out. They are paused afterwards where that is configured.
        </p>
      )}
      <ul className="bbl-many">
        {ones.map((one) => (
          <Line key={one.worker.workerid} one={one} />
        ))}
      </ul>
      {!looking && ready === 0 && (
        <Notice kind="warning" title="None of them is eligible" test="force-why-not">
          Only stuck workers can be freed together. One that is not stuck yet has an override in its own dialog.
        </Notice>
      )}
    </>
  );
};

const Line = ({ one }: { one: One }) => {
  const { worker, plan, action, failure, sending } = one;
  const name = (
    <strong>
      <bdi>{worker.name}</bdi>
    </strong>
  );
  const tell = (state: string, icon: React.ComponentProps<typeof Icon>["name"], text: React.ReactNode) => (
    <li data-test="force-one" data-worker={worker.name} data-state={state}>
      <Icon name={icon} /> {name}: {text}
    </li>
  );
  if (action !== null) {
    return tell(
      action.status,
      actionIcon(action.status),
      <>
        {statusWords(action.status)}
        {action.outcome !== null && `. ${worded(action.outcome)}`}{" "}
        <span className="bbl-muted">(action {action.id})</span>
      </>,
    );
  }
  if (failure !== null) {
    const { title, text } = explainForce(failure);
    return tell("failure", "no", plan === null ? text : `${title}. ${text}`);
  }
  if (sending) return tell("sending", "waiting", "asking its master…");
  if (plan === null) return tell("looking", "waiting", "looking…");
  if (!plan.eligible) return tell("left", "no", <>is left alone, since {worded(plan.why_not ?? "")}</>);
  return tell(
    "ready",
    "stuck",
    <>
      {plan.verdict.reason}
      {plan.steps.length > 0 && (
        <details>
          <summary>{count(plan.steps.length, "step")}</summary>
          <ol>
            {plan.steps.map((step, index) => (
              <li key={index}>{step.text}</li>
            ))}
          </ol>
        </details>
      )}
    </>,
  );
};
