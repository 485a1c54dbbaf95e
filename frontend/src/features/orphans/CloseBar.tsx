import React, { forwardRef, useId, useState } from "react";
import type { Orphan } from "../../contract/types";
import { count } from "../../model/words";
import { closeAll, type Closed } from "./closing";

interface Props {
  selected: readonly Orphan[];
  onClear: () => void;
  onDone: (closed: Closed) => void;
}

/** One note for all that are selected, at the foot of the window. */
export const CloseBar = forwardRef<HTMLInputElement, Props>(({ selected, onClear, onDone }, field) => {
  const id = useId();
  const [note, setNote] = useState("");
  const [message, setMessage] = useState("");
  const [busy, setBusy] = useState(false);
  const some = selected.length > 0;
  const what = count(selected.length, "entry", "entries");

  const submit = async () => {
    if (busy) return;
    if (note.trim() === "") {
      setMessage("Write down what became of it first.");
      return;
    }
    setBusy(true);
    setMessage("");
    const closed = await closeAll(selected, note.trim());
    setBusy(false);
    if (closed.left.length === 0) setNote("");
    onDone(closed);
  };

  return (
    <div className={some ? "bbl-selection" : "bbl-sr"} role="region" aria-label="Selected entries">
      <span role="status" data-test="selected">
        {some ? `${what} selected` : ""}
      </span>
      {some && (
        <form
          className="bbl-inline"
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <label htmlFor={id}>What became of {selected.length === 1 ? "it" : "them"}</label>
          <input
            id={id}
            ref={field}
            className="form-control"
            value={note}
            maxLength={1000}
            autoComplete="off"
            aria-invalid={message !== ""}
            aria-describedby={`${id}-message`}
            data-test="orphan-note"
            onChange={(event) => {
              setNote(event.target.value);
            }}
          />
          <button
            type="submit"
            className={`btn btn-sm btn-secondary${busy ? " disabled" : ""}`}
            aria-disabled={busy}
            data-test="orphan-resolve"
          >
            {busy ? "Closing…" : `Close ${what}`}
          </button>
          <button type="button" className="btn btn-sm btn-link" data-test="select-none" onClick={onClear}>
            Clear the selection
          </button>
          <span className="bbl-field-error" id={`${id}-message`} aria-live="polite">
            {message}
          </span>
        </form>
      )}
    </div>
  );
});
CloseBar.displayName = "CloseBar";
