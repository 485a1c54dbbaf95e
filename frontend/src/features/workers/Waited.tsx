import React, { useCallback } from "react";
import type { Worker } from "../../contract/types";
import { useTicking } from "../../hooks/useTicking";
import { duration } from "../../model/durations";
import { filled, judgedSince } from "../../model/waited";
import { toldAt } from "../../model/words";
import { Age } from "../../ui/Time";

/** How long what is judged has lasted, and how much of its limit that is; below it, in grey, the age of the state. */
export const Waited = ({ worker }: { worker: Worker }) => {
  const { verdict, state_since } = worker;
  const since = judgedSince(worker);
  const until = toldAt(worker);
  if (since === null) return <Age since={state_since} until={until} />;
  return (
    <>
      <strong data-test="waited">
        <Age since={since} until={until} />
      </strong>
      {verdict.threshold_s !== null && <Bar since={since} limit={verdict.threshold_s} until={until} />}
      <span className="bbl-sub" data-test="state-age">
        in this state <Age since={state_since} until={until} />
      </span>
    </>
  );
};

const Bar = ({ since, limit, until }: { since: number; limit: number; until: number | null }) => {
  const percent = useTicking(useCallback((now: number) => filled(since, limit, until ?? now), [since, limit, until]));
  const words = `${percent} % of its limit of ${duration(limit)}`;
  return (
    <span
      className={`bbl-limit${percent === "100" ? " bbl-limit-over" : ""}`}
      role="img"
      aria-label={words}
      title={words}
      data-test="limit"
      data-percent={percent}
    >
      <span style={{ width: `${percent}%` }} />
    </span>
  );
};
