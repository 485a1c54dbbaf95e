import React, { useEffect, useId, useRef } from "react";
import type { Worker } from "../../contract/types";
import { useForceMany, type One } from "./useForceMany";
import { count, statusWords, worded } from "../../model/words";
import { Dialog } from "../../ui/Dialog";
import { Icon, actionIcon } from "../../ui/Icon";
import { Notice } from "../../ui/Notice";
import { ForceForm } from "./ForceForm";

interface Props {
  workers: readonly Worker[];
  onClose: () => void;
}

/** Several workers at once: one reason, and one result for each. */
export const ForceMany = ({ workers, onClose }: Props) => {
  const formId = useId();
  const { ones, sent, submit } = useForceMany(workers);
  const ready = ones.filter((one) => one.plan?.eligible === true).length;
  const looking = ones.some((one) => one.plan === null && one.failure === null);
  const over = sent === "sent";
  const heading = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    if (over) heading.current?.focus();
  }, [over]);
  const done = ones.filter((one) => one.action?.status === "done").length;

  const footer = (
    <>
      <button
        type="button"
        className="btn btn-secondary"
        data-test="force-close"
        aria-disabled={sent === "sending"}
        onClick={() => {
          if (sent !== "sending") onClose();
        }}
      >
        {over ? "Close" : "Cancel"}
      </button>
      {!over && ready > 0 && !looking && (
        <button
          type="submit"
          form={formId}
          className={`btn btn-danger${sent === "sending" ? " disabled" : ""}`}
          aria-disabled={sent === "sending"}
          data-test="force-submit"
        >
          {sent === "sending" ? "Asking the masters…" : `Force disconnect ${count(ready, "worker")}`}
        </button>
      )}
    </>
  );

  return (
    <Dialog
      title={`Force disconnect ${count(workers.length, "worker")}`}
      closable={sent !== "sending"}
      onClose={onClose}
      footer={footer}
      test="force-many"
    >
      <div className="bbl-force" aria-busy={looking || sent === "sending"}>
        {over ? (
          <p tabIndex={-1} ref={heading} role="status" data-test="force-many-outcome" data-done={done}>
            <strong>
              {done} of {count(ready, "worker")} freed.
            </strong>{" "}
            Each is recorded as an action of its own.
          </p>
        ) : (
          <p>
            The masters stop waiting for these workers. <strong>This does not stop their instances</strong>: whether
            they still run is for you to find out. They are paused afterwards where that is configured.
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
        {!over && ready > 0 && !looking && (
          <ForceForm
            formId={formId}
            name={String(ready)}
            what="number of workers that will be freed"
            sending={sent === "sending"}
            onSubmit={(_, reason) => void submit(reason)}
          />
        )}
      </div>
    </Dialog>
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
  if (action !== null && plan !== null) {
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
  if (failure !== null) return tell("failure", "no", failure);
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
