import React from "react";
import type { Step } from "../../contract/types";
import { Icon } from "../../ui/Icon";

/** The steps in their order. With `outcome`, each says how it went; that a step has not been done is said as well. */
export const Steps = ({ steps, outcome }: { steps: readonly Step[]; outcome: boolean }) => (
  <ol className="bbl-steps">
    {steps.map((step, index) => (
      <li key={index} data-step={step.step} data-done={String(step.done)}>
        {outcome && (
          <span className={step.done === null ? "" : step.done ? "bbl-step-true" : "bbl-step-false"}>
            <Icon name={step.done === null ? "waiting" : step.done ? "ok" : "no"} />{" "}
            <strong>{step.done === null ? "not yet: " : step.done ? "done: " : "not done: "}</strong>
          </span>
        )}
        {step.text}
        {step.detail !== null && <span className="bbl-sub">{step.detail}</span>}
      </li>
    ))}
  </ol>
);
