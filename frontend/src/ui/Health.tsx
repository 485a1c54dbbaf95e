import React from "react";

const LOOKS = {
  ok: "bbl-health-ok",
  warning: "bbl-health-warning",
  stuck: "bbl-health-stuck",
  unknown: "bbl-health-warning",
};

interface Props {
  level: keyof typeof LOOKS;
  test: string;
  children: React.ReactNode;
}

/** How all is, in a sentence. */
export const HealthLine = ({ level, test, children }: Props) => (
  <p className={`bbl-health ${LOOKS[level]}`} role="status" data-test={test} data-level={level}>
    {children}
  </p>
);

/** How one thing is, with what can be done about it. `verdict` is what is told to tests. */
export const HealthBox = ({ level, test, verdict, children }: Props & { verdict?: string }) => (
  <div
    className={`bbl-health bbl-verdict ${LOOKS[level]}`}
    data-test={test}
    {...(verdict === undefined ? { "data-level": level } : { "data-verdict": verdict })}
  >
    {children}
  </div>
);
