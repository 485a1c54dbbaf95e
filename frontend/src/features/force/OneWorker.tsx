import React, { useId } from "react";
import type { Instance } from "../../contract/types";
import { mayOverride, pausesAfterwards, type Refusal } from "../../model/refusals";
import { worded } from "../../model/words";
import { Notice } from "../../ui/Notice";
import type { Course, ForceCourse, One } from "./course";
import { Afterwards } from "./Afterwards";
import { Outcome } from "../act/Outcome";
import { Plan } from "./Plan";

interface Props {
  one: One;
  course: Course;
  refusal: Refusal | null;
  /** The plan is not true any more. */
  outdated: boolean;
  force: ForceCourse;
  onEnd: (instance: Instance) => void;
}

/** All that is known of one worker and of what would be done to it, with what the reader may choose; then the outcome. */
export const OneWorker = ({ one, course, refusal, outdated, force, onEnd }: Props) => {
  const { worker, plan, looking, action } = one;
  const { pause, override } = course;
  return (
    <>
      {refusal !== null && (
        <Notice kind="danger" title={refusal.title} test="force-refusal">
          {refusal.text}
        </Notice>
      )}
      {action !== null && (
        <Outcome action={action}>
          {action.status !== "refused" && <Afterwards worker={worker} action={action} onEnd={onEnd} />}
        </Outcome>
      )}
      {action === null && plan === null && looking && <p role="status">Looking at what would be done…</p>}
      {action === null && plan !== null && !outdated && (
        <>
          <p>
            The master stops waiting for this worker. <strong>This does not stop the instance</strong>: whether it still
            runs is for you to find out.
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
              onChange={(checked) => {
                force.wish({ override: checked });
              }}
              label="Do it although it is not stuck yet"
              help="A slow call that is healthy is abandoned as well. The override is written down."
            />
          )}
          {plan.eligible && (
            <Check
              checked={pausesAfterwards(plan, pause)}
              test="force-pause"
              onChange={(checked) => {
                force.wish({ pause: checked });
              }}
              label="Pause the worker afterwards"
              help="Two instances under one name may be worse than none. Unpause it here or on Buildbot's own page once you know that the old instance is gone."
            />
          )}
        </>
      )}
    </>
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
