import React, { useEffect, useId, useRef } from "react";
import type { Instance } from "../../contract/types";
import { useSource } from "../../hooks/useSource";
import { whyNotWords } from "../../model/instances";
import { explainEnd } from "../../model/refusals";
import { worded } from "../../model/words";
import { Dialog } from "../../ui/Dialog";
import { Icon } from "../../ui/Icon";
import { Notice } from "../../ui/Notice";
import { ConfirmForm } from "../act/ConfirmForm";
import { Footer } from "../act/Footer";
import { Outcome } from "../act/Outcome";
import { Steps } from "../act/Steps";
import { EndCourse, type EndState } from "./course";
import { InstanceFacts } from "./InstanceFacts";

interface Props {
  instance: Instance;
  onClose: () => void;
}

const TITLES = {
  done: "Gone: its cloud does not have it any more",
  failed: "Not ended",
  asked: "Accepted; not yet seen gone",
};

const LOST = ["What is on it is lost. This cannot be undone."];

/** Ending an instance in its cloud: what that means, what would be done, the name typed, and what came of it. */
export const EndDialog = ({ instance, onClose }: Props) => {
  const formId = useId();
  const [state, course] = useSource<EndState, EndCourse>(instance.id, () => new EndCourse(instance));
  const { plan, looking, sending, failure, action } = state;
  const refusal = failure === null ? null : explainEnd(failure);
  // After a refusal that only a new look can change, the old plan would mislead.
  const outdated = refusal !== null && refusal.next !== "retry";
  const eligible = plan !== null && (plan.eligible ?? true);
  const asksForm = action === null && eligible && !outdated;
  const blocked = sending || looking;
  const body = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (failure !== null) body.current?.focus();
  }, [failure]);

  const footer = (
    <Footer
      test="end"
      onReload={action === null && refusal?.next === "reload" ? course.look : null}
      onClose={onClose}
      over={action !== null}
      sending={sending}
      blocked={blocked}
      form={asksForm ? formId : null}
      submit={sending ? "Asking the cloud…" : "End instance"}
      looking={looking}
    />
  );

  return (
    <Dialog
      title={
        <>
          End instance <bdi className="bbl-name">{instance.name}</bdi>
        </>
      }
      closable={!sending}
      onClose={onClose}
      footer={footer}
      test="end-dialog"
    >
      <div className="bbl-force" ref={body} tabIndex={-1} aria-busy={blocked}>
        {refusal !== null && (
          <Notice kind="danger" title={refusal.title} test="end-refusal">
            {refusal.text}
          </Notice>
        )}
        {action !== null && (
          <Outcome action={action} test="end-outcome" titles={TITLES}>
            {action.finished_at === null && (
              <p data-test="end-waiting">
                The cloud has taken the request, and still had the instance when it was last asked.{" "}
                <strong>Do not count it as gone yet.</strong>
              </p>
            )}
          </Outcome>
        )}
        {action === null && plan === null && looking && <p role="status">Looking at what would be done…</p>}
        {action === null && plan !== null && !outdated && (
          <>
            <div className="alert alert-warning" data-test="end-danger">
              <Icon name="failed" /> <strong>The instance is terminated in its cloud.</strong>
              <ul data-test="end-warnings">
                {(plan.warnings ?? LOST).map((warning, index) => (
                  <li key={index}>{warning}</li>
                ))}
              </ul>
            </div>
            {!eligible && (
              <Notice kind="warning" title="It cannot be ended now" test="end-why-not">
                {worded(plan.why_not ?? (whyNotWords(plan.code ?? null) || "The server did not say why."))}
              </Notice>
            )}
            <InstanceFacts instance={plan.instance ?? instance} />
            <h3 className="h6">
              {eligible ? "What will be done, in this order" : "What would be done, in this order"}
            </h3>
            <Steps steps={plan.steps} outcome={false} />
          </>
        )}
        {asksForm && (
          <ConfirmForm
            formId={formId}
            name={instance.name}
            what="instance's name"
            sending={blocked}
            onSubmit={(reason) => void course.submit(reason)}
            test="end"
          />
        )}
        {sending && (
          <p role="status">
            <Icon name="waiting" /> Asking the cloud to end it, and looking whether it is gone…
          </p>
        )}
      </div>
    </Dialog>
  );
};
