import React, { useId, useState } from "react";
import type { Worker, WorkersMeta } from "../../contract/types";
import { door } from "../../model/door";

interface Props {
  worker: Worker;
  meta: WorkersMeta | null;
  onOpen: (worker: Worker) => void;
}

/** A shut door is not hidden: it can be reached by keyboard, and says why it is shut. */
export const ForceButton = ({ worker, meta, onOpen }: Props) => {
  const id = useId();
  const [told, setTold] = useState(false);
  const { kind, why } = door(worker, meta);
  const isShut = kind === "shut";
  const look = kind === "open" ? "btn-danger" : "btn-outline-secondary";
  return (
    <span className={`bbl-door${told ? " bbl-told" : ""}`}>
      <button
        type="button"
        className={`btn btn-sm ${look}${isShut ? " disabled" : ""}`}
        aria-disabled={isShut}
        aria-describedby={id}
        aria-haspopup={isShut ? undefined : "dialog"}
        data-test="force-button"
        data-door={kind}
        onClick={() => {
          if (isShut) setTold(!told);
          else onOpen(worker);
        }}
        onBlur={() => {
          setTold(false);
        }}
        onKeyDown={(event) => {
          if (event.key === "Escape") setTold(false);
        }}
      >
        Force disconnect<span className="bbl-sr"> {worker.name}</span>
      </button>
      <span className="bbl-why" id={id} role="tooltip" data-test="force-why">
        {why}
      </span>
    </span>
  );
};
