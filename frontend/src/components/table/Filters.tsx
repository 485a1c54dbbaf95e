import React, { useId } from "react";
import type { Worker } from "../../api/types";
import { DEFAULT_VIEW, type View } from "../../model/arrange";
import { KNOWN_LEVELS, KNOWN_STATES, count, plain, stateWords } from "../../model/words";

interface Props {
  workers: readonly Worker[];
  shown: number;
  view: View;
  onView: (change: Partial<View>) => void;
}

/** What the reader may choose from: the known words, those that only the server knows, and what the address asks for. */
function choices(known: readonly string[], found: readonly string[], chosen: string): string[] {
  return [...new Set([...known, ...found, ...(chosen === "" ? [] : [chosen])])];
}

export const Filters = ({ workers, shown, view, onView }: Props) => {
  const id = useId();
  const states = choices(
    KNOWN_STATES,
    workers.map((worker) => worker.state),
    view.state,
  );
  const levels = choices(
    KNOWN_LEVELS,
    workers.map((worker) => worker.verdict.level),
    view.verdict,
  );
  const filtered = view.text !== "" || view.state !== "" || view.verdict !== "";
  return (
    <form
      role="search"
      className="bbl-filters"
      onSubmit={(event) => {
        event.preventDefault();
      }}
    >
      <label htmlFor={`${id}-text`} className="bbl-sr">
        Search for workers
      </label>
      <input
        id={`${id}-text`}
        type="search"
        className="form-control"
        placeholder="Search for workers"
        value={view.text}
        data-test="filter-text"
        onChange={(event) => {
          onView({ text: event.target.value });
        }}
      />
      <label htmlFor={`${id}-verdict`}>Verdict</label>
      <select
        id={`${id}-verdict`}
        className="form-control"
        value={view.verdict}
        data-test="filter-verdict"
        onChange={(event) => {
          onView({ verdict: event.target.value });
        }}
      >
        <option value="">any</option>
        {levels.map((level) => (
          <option key={level} value={level}>
            {plain(level)}
          </option>
        ))}
      </select>
      <label htmlFor={`${id}-state`}>State</label>
      <select
        id={`${id}-state`}
        className="form-control"
        value={view.state}
        data-test="filter-state"
        onChange={(event) => {
          onView({ state: event.target.value });
        }}
      >
        <option value="">any</option>
        {states.map((state) => (
          <option key={state} value={state}>
            {stateWords(state).label}
          </option>
        ))}
      </select>
      <span role="status" className="bbl-shown" data-test="shown">
        {filtered ? `${shown.toLocaleString("en")} of ${count(workers.length, "worker")}` : count(shown, "worker")}
      </span>
      <button
        type="button"
        className={`btn btn-sm btn-link${filtered ? "" : " bbl-hidden"}`}
        data-test="filter-clear"
        onClick={() => {
          onView({ text: DEFAULT_VIEW.text, state: DEFAULT_VIEW.state, verdict: DEFAULT_VIEW.verdict });
        }}
      >
        Clear
      </button>
    </form>
  );
};
