import React, { useCallback } from "react";
import { useTicking } from "../hooks/useTicking";
import { age } from "../model/durations";
import { fullMoment, machineMoment, shortMoment } from "../model/moments";

interface AgeProps {
  since: number | null;
  /** What is told is of then: nobody knows how much longer it lasted. Null for what goes on. */
  until?: number | null;
}

/** How long since; the only thing on the page that draws itself every second. */
export const Age = ({ since, until = null }: AgeProps) => {
  const text = useTicking(useCallback((now: number) => age(since, until ?? now), [since, until]));
  if (since === null) return <span className="bbl-muted">unknown</span>;
  return (
    <time
      className="bbl-age"
      dateTime={machineMoment(since)}
      title={`since ${fullMoment(since)}${until === null ? "" : `, as of ${fullMoment(until)}`}`}
    >
      {text}
    </time>
  );
};

/** A moment, with all of it on hover. */
export const Moment = ({ at }: { at: number }) => (
  <time dateTime={machineMoment(at)} title={fullMoment(at)}>
    {shortMoment(at)}
  </time>
);

/** A sentence with the time in it. */
export const Ticking = ({ text }: { text: (now: number) => string }) => <>{useTicking(text)}</>;
