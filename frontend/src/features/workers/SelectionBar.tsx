import React from "react";
import type { Worker } from "../../contract/types";
import { isStuck } from "../../model/arrange";
import { count } from "../../model/words";

interface Props {
  selected: readonly Worker[];
  shown: readonly Worker[];
  onSelect: (workers: readonly Worker[]) => void;
  onForce: () => void;
}

/** What can be done to the selected workers, at the foot of the window: nothing above the table comes and goes. */
export const SelectionBar = ({ selected, shown, onSelect, onForce }: Props) => {
  const some = selected.length > 0;
  const stuck = some ? shown.filter(isStuck) : [];
  return (
    <div className={some ? "bbl-selection" : "bbl-sr"} role="region" aria-label="Selected workers">
      <span role="status" data-test="selected">
        {some ? `${count(selected.length, "worker")} selected` : ""}
      </span>
      {some && (
        <>
          <button type="button" className="btn btn-sm btn-danger" data-test="force-selected" onClick={onForce}>
            Force disconnect…
          </button>
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
