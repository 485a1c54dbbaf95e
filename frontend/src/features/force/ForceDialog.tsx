import React, { useEffect, useId, useRef } from "react";
import type { Worker } from "../../contract/types";
import { useForce } from "./useForce";
import { explainForce, mayOverride, pausesAfterwards } from "../../model/refusals";
import { worded } from "../../model/words";
import { Dialog } from "../../ui/Dialog";
import { Icon } from "../../ui/Icon";
import { Notice } from "../../ui/Notice";
import { ForceForm } from "./ForceForm";
import { Outcome } from "./Outcome";
import { Plan } from "./Plan";

interface Props {
  worker: Worker;
  onClose: () => void;
}

export const ForceDialog = ({ worker: initial, onClose }: Props) => {
  const formId = useId();
  const { force, look, lookAgain, submit } = useForce(initial);
  const { worker, plan, looking, sending, failure, result, pause, override } = force;
  const refusal = failure === null ? null : explainForce(failure);
  // After a refusal that only a new look can change, the old plan would mislead.
  const outdated = refusal !== null && refusal.next !== "retry";
  const asksForm = result === null && plan?.eligible === true && !outdated;
  const body = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (failure !== null) body.current?.focus();
  }, [failure]);

  const footer = (
    <>
      {refusal?.next === "reload" && (
        <button type="button" className="btn btn-secondary" data-test="force-reload" onClick={() => void lookAgain()}>
          Look again
        </button>
      )}
      <button
        type="button"
        className="btn btn-secondary"
        data-test="force-close"
        aria-disabled={sending}
        onClick={() => {
          if (!sending) onClose();
        }}
      >
        {result === null ? "Cancel" : "Close"}
      </button>
      {asksForm && (
        <button
          type="submit"
          form={formId}
          className={`btn btn-danger${sending || looking ? " disabled" : ""}`}
          aria-disabled={sending || looking}
          data-test="force-submit"
          onClick={(event) => {
            if (looking) event.preventDefault();
          }}
        >
          {sending ? "Asking the master…" : "Force disconnect"}
        </button>
      )}
    </>
  );

  return (
    <Dialog
      title={
        <>
          Force disconnect <span className="bbl-name">{worker.name}</span>
        </>
      }
      closable={!sending}
      onClose={onClose}
      footer={footer}
      test="force-dialog"
    >
      <div className="bbl-force" ref={body} tabIndex={-1} aria-busy={looking || sending}>
        {refusal !== null && (
          <Notice kind="danger" title={refusal.title} test="force-refusal">
            {refusal.text}
          </Notice>
        )}
        {result !== null && <Outcome action={result.action} />}
        {result === null && plan === null && looking && <p role="status">Looking at what would be done…</p>}
        {result === null && plan !== null && !outdated && (
          <>
            <p>
              The master stops waiting for this worker. <strong>This does not stop the instance</strong>: whether it
              still runs is for you to find out.
            </p>
            {!plan.eligible && (
              <Notice kind="warning" title="Not eligible" test="force-why-not">
                {worded(plan.why_not ?? "The server did not say why.")}
              </Notice>
            )}
            <Plan worker={worker} plan={plan} />
            {(mayOverride(plan, worker) || override) && (
              <Check
                checked={override}
                test="force-override"
                onChange={(checked) => void look(worker, pause, checked)}
                label="Do it although it is not stuck yet"
                help="A slow call that is healthy is abandoned as well. The override is written down."
              />
            )}
            {plan.eligible && (
              <Check
                checked={pausesAfterwards(plan, pause)}
                test="force-pause"
                onChange={(checked) => void look(worker, checked, override)}
                label="Pause the worker afterwards"
                help="Two instances under one name may be worse than none. Unpause it on Buildbot's own page once you know that the old instance is gone."
              />
            )}
          </>
        )}
        {asksForm && (
          <ForceForm
            formId={formId}
            name={worker.name}
            sending={sending || looking}
            onSubmit={(confirm, reason) => void submit(confirm, reason)}
          />
        )}
        {sending && (
          <p role="status">
            <Icon name="waiting" /> Asking the master…
          </p>
        )}
      </div>
    </Dialog>
  );
};

interface CheckProps {
  checked: boolean;
  onChange: (checked: boolean) => void;
  label: string;
  help: string;
  test: string;
}

const Check = ({ checked, onChange, label, help, test }: CheckProps) => {
  const id = useId();
  return (
    <div className="form-check mb-3">
      <input
        type="checkbox"
        className="form-check-input"
        id={id}
        checked={checked}
        aria-describedby={`${id}-help`}
        data-test={test}
        onChange={(event) => {
          onChange(event.target.checked);
        }}
      />
      <label className="form-check-label" htmlFor={id}>
        {label}
      </label>
      <div className="bbl-sub" id={`${id}-help`}>
        {help}
      </div>
    </div>
  );
};
