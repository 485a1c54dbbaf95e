import React, { useCallback } from "react";
import { useTicking } from "../hooks/useTicking";
import { age } from "../model/durations";
import { fullMoment, machineMoment, shortMoment } from "../model/moments";

/** How long since; the only thing on the page that draws itself every second. */
export const Age = ({ since }: { since: number | null }) => {
  const text = useTicking(useCallback((now: number) => age(since, now), [since]));
  if (since === null) return <span className="bbl-muted">unknown</span>;
  return (
    <time className="bbl-age" dateTime={machineMoment(since)} title={`since ${fullMoment(since)}`}>
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
