import React, { memo, useId, useMemo } from "react";
import type { Worker } from "../../contract/types";
import { NO_FILTER, isFiltered, type View } from "../../model/arrange";
import { KNOWN_LEVELS, KNOWN_STATES, count, plain, stateWords } from "../../model/words";
import { Choice } from "../../ui/Choice";
import { FilterForm } from "../../ui/FilterForm";

interface Props {
  workers: readonly Worker[];
  shown: number;
  view: View;
  onView: (change: Partial<View>) => void;
}

type Option = [value: string, label: string];

/** What there is among the workers. */
function found(workers: readonly Worker[]) {
  const levels = new Set(KNOWN_LEVELS);
  const states = new Set(KNOWN_STATES);
  const classes = new Set<string>();
  const masters = new Map<string, string>();
  for (const worker of workers) {
    levels.add(worker.verdict.level);
    states.add(worker.state);
    classes.add(worker.class);
    masters.set(String(worker.masterid), worker.master);
  }
  return { levels: [...levels], states: [...states], classes: [...classes].sort(), masters: [...masters] };
}

/** What the reader may choose from: what there is, and what the address asks for. */
function words(there: readonly string[], chosen: string): string[] {
  return [...new Set([...there, ...(chosen === "" ? [] : [chosen])])];
}

function masters(there: readonly Option[], chosen: string): Option[] {
  const missing: Option[] = chosen === "" || there.some(([id]) => id === chosen) ? [] : [[chosen, `master ${chosen}`]];
  return [...there, ...missing].sort((a, b) => a[1].localeCompare(b[1]));
}

export const Filters = memo(({ workers, shown, view, onView }: Props) => {
  const id = useId();
  const there = useMemo(() => found(workers), [workers]);
  const levels = words(there.levels, view.verdict);
  const states = words(there.states, view.state);
  const classes = words(there.classes, view.class);
  const owners = masters(there.masters, view.master);
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
    <FilterForm>
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
    </FilterForm>
  );
});
Filters.displayName = "Filters";
