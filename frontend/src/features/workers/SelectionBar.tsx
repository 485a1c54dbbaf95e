import React from "react";
import type { Worker } from "../../contract/types";
import { isStuck } from "../../model/arrange";
import { PAUSING_WORDS, canPause, type Pausing } from "../../model/pausing";
import { count } from "../../model/words";

interface Props {
  selected: readonly Worker[];
  shown: readonly Worker[];
  onSelect: (workers: readonly Worker[]) => void;
  /** Null where this reader may not. */
  onForce: (() => void) | null;
  onPause: (act: Pausing) => void;
}

const ACTS: readonly Pausing[] = ["pause", "unpause"];

/** What can be done to the selected workers, at the foot of the window: nothing above the table comes and goes. */
export const SelectionBar = ({ selected, shown, onSelect, onForce, onPause }: Props) => {
  const some = selected.length > 0;
  const stuck = some ? shown.filter(isStuck) : [];
  return (
    <div className={some ? "bbl-selection" : "bbl-sr"} role="region" aria-label="Selected workers">
      <span role="status" data-test="selected">
        {some ? `${count(selected.length, "worker")} selected` : ""}
      </span>
      {some && (
        <>
          {onForce !== null && (
            <button type="button" className="btn btn-sm btn-danger" data-test="force-selected" onClick={onForce}>
              Force disconnect…
            </button>
          )}
          {ACTS.filter((act) => selected.some((worker) => canPause(worker, act))).map((act) => (
            <button
              key={act}
              type="button"
              className="btn btn-sm btn-outline-secondary"
              data-test={`${act}-selected`}
              onClick={() => {
                onPause(act);
              }}
            >
              {PAUSING_WORDS[act]}…
            </button>
          ))}
          {stuck.length > 0 && (
            <button
              type="button"
              className="btn btn-sm btn-outline-secondary"
              data-test="select-stuck"
              onClick={() => {
                onSelect(stuck);
              }}
            >
              Select the {stuck.length} stuck
            </button>
          )}
          <button
            type="button"
            className="btn btn-sm btn-link"
            data-test="select-none"
            onClick={() => {
              onSelect([]);
            }}
          >
            Clear the selection
          </button>
        </>
      )}
    </div>
  );
};
