import React, { useId } from "react";
import type { Worker } from "../../api/types";
import { NO_FILTER, isFiltered, type View } from "../../model/arrange";
import { KNOWN_LEVELS, KNOWN_STATES, count, plain, stateWords } from "../../model/words";
import { Choice } from "../Choice";

interface Props {
  workers: readonly Worker[];
  shown: number;
  view: View;
  onView: (change: Partial<View>) => void;
}

type Option = [value: string, label: string];

/** What the reader may choose from: the known words, those that only the server knows, and what the address asks for. */
function words(known: readonly string[], found: readonly string[], chosen: string): string[] {
  return [...new Set([...known, ...found, ...(chosen === "" ? [] : [chosen])])];
}

function masters(workers: readonly Worker[], chosen: string): Option[] {
  const names = new Map(workers.map((worker) => [String(worker.masterid), worker.master]));
  if (chosen !== "" && !names.has(chosen)) names.set(chosen, `master ${chosen}`);
  return [...names].sort((a, b) => a[1].localeCompare(b[1]));
}

export const Filters = ({ workers, shown, view, onView }: Props) => {
  const id = useId();
  const levels = words(
    KNOWN_LEVELS,
    workers.map((worker) => worker.verdict.level),
    view.verdict,
  );
  const states = words(
    KNOWN_STATES,
    workers.map((worker) => worker.state),
    view.state,
  );
  const classes = words([], workers.map((worker) => worker.class).sort(), view.class);
  const owners = masters(workers, view.master);
  const filtered = isFiltered(view);
  const choice = (name: "verdict" | "state" | "class" | "master", label: string, options: Option[]) => (
    <Choice
      label={label}
      value={view[name]}
      options={[["", "any"], ...options]}
      test={`filter-${name}`}
      onChoose={(value) => {
        onView({ [name]: value });
      }}
    />
  );
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
      {choice(
        "verdict",
        "Verdict",
        levels.map((level) => [level, plain(level)]),
      )}
      {choice(
        "state",
        "State",
        states.map((state) => [state, stateWords(state).label]),
      )}
      {(classes.length > 1 || view.class !== "") &&
        choice(
          "class",
          "Class",
          classes.map((name) => [name, name]),
        )}
      {(owners.length > 1 || view.master !== "") && choice("master", "Master", owners)}
      <span role="status" className="bbl-shown" data-test="shown">
        {filtered ? `${shown.toLocaleString("en")} of ${count(workers.length, "worker")}` : count(shown, "worker")}
      </span>
      <button
        type="button"
        className={`btn btn-sm btn-link${filtered ? "" : " bbl-hidden"}`}
        data-test="filter-clear"
        onClick={() => {
          onView(NO_FILTER);
        }}
      >
        Clear
      </button>
    </form>
  );
};
