import React from "react";
import type { Level, State, Verdict, Worker } from "../contract/types";
import { codeWords, plain, refusedWords, stateWords } from "../model/words";
import { Icon, type IconName } from "./Icon";
import { Age } from "./Time";

/* The host's badges in the host's colours, each with a shape and a word. */

const LEVELS: Record<string, { icon: IconName; host: string }> = {
  stuck: { icon: "stuck", host: "results_FAILURE" },
  attention: { icon: "attention", host: "results_WARNINGS" },
  failed: { icon: "failed", host: "results_EXCEPTION" },
  slow: { icon: "slow", host: "results_PENDING" },
  unknown: { icon: "unknown", host: "results_UNKNOWN" },
  ok: { icon: "ok", host: "results_SUCCESS" },
};

export function levelIcon(level: Level): IconName {
  return LEVELS[level]?.icon ?? "unknown";
}

export const VerdictBadge = ({ verdict }: { verdict: Verdict }) => {
  const { icon, host } = LEVELS[verdict.level] ?? { icon: "unknown", host: "results_UNKNOWN" };
  return (
    <span className={`bb-badge-status bbl-badge ${host}`} title={codeWords(verdict.code)}>
      <Icon name={icon} /> {plain(verdict.level)}
    </span>
  );
};

export const StateLabel = ({ state }: { state: State }) => {
  const { label, gloss } = stateWords(state);
  return (
    <>
      {label}
      {gloss !== "" && <span className="bbl-sub">{gloss}</span>}
    </>
  );
};

export const Connected = ({ worker }: { worker: Worker }) => (
  <span className={worker.connected ? "" : "bbl-muted"}>
    <Icon name={worker.connected ? "ok" : "no"} /> {worker.connected ? "yes" : "no"}
    <RefusedLine worker={worker} />
  </span>
);

/** What is open now, and how many there were so far: two numbers that are easily taken for each other. */
const RefusedLine = ({ worker }: { worker: Worker }) => {
  const text = refusedWords(worker);
  return text === "" ? null : (
    <span className="bbl-sub" data-test="refused">
      {text}
    </span>
  );
};

/** The same in the space of a line, where there is something to say. */
export const ConnectedLine = ({ worker }: { worker: Worker }) => (
  <>
    {worker.connected && (
      <span className="bbl-sub">
        <Icon name="ok" /> connected
      </span>
    )}
    {worker.held > 0 && <RefusedLine worker={worker} />}
  </>
);

/** What was released and still runs: the verdict does not speak of it, since nothing waits for it. */
export const AbandonedLine = ({ worker }: { worker: Worker }) => (
  <>
    {(worker.abandoned ?? []).map(({ call, since }) => (
      <span key={`${call} ${since}`} className="bbl-sub" data-test="abandoned">
        <Icon name="failed" /> the abandoned {call} still runs, for <Age since={since} />
      </span>
    ))}
  </>
);

export const PausedMark = ({ worker }: { worker: Worker }) =>
  worker.paused ? (
    <span className="bbl-mark" title={worker.pause_reason ?? ""}>
      <Icon name="paused" /> paused
    </span>
  ) : null;
