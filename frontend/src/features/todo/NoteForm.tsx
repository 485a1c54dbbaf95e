import React, { useEffect, useId, useRef, useState } from "react";
import { asFailure } from "../../server/client";

interface Props {
  label: string;
  submit: string;
  busy: string;
  /** What is said where nothing was written. */
  missing: string;
  test: string;
  onSubmit: (note: string) => Promise<unknown>;
  onDone: () => void;
  onCancel: () => void;
}

/** One line that is written down with what is done, and what went wrong with it. */
export const NoteForm = ({ label, submit, busy, missing, test, onSubmit, onDone, onCancel }: Props) => {
  const id = useId();
  const [note, setNote] = useState("");
  const [message, setMessage] = useState("");
  const [sending, setSending] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.focus();
  }, []);

  const send = async () => {
    if (sending) return;
    if (note.trim() === "") {
      setMessage(missing);
      field.current?.focus();
      return;
    }
    setSending(true);
    setMessage("");
    try {
      await onSubmit(note.trim());
      onDone();
    } catch (error) {
      setMessage(asFailure(error).message);
      setSending(false);
    }
  };

  return (
    <form
      className="bbl-inline"
      data-test={test}
      onSubmit={(event) => {
        event.preventDefault();
        // It may stand in a dialog, which has a form of its own.
        event.stopPropagation();
        void send();
      }}
    >
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        ref={field}
        className="form-control"
        value={note}
        maxLength={1000}
        autoComplete="off"
        aria-invalid={message !== ""}
        aria-describedby={`${id}-message`}
        data-test={`${test}-note`}
        onChange={(event) => {
          setNote(event.target.value);
        }}
      />
      <button
        type="submit"
        className={`btn btn-sm btn-secondary${sending ? " disabled" : ""}`}
        aria-disabled={sending}
        data-test={`${test}-submit`}
      >
        {sending ? busy : submit}
      </button>
      <button type="button" className="btn btn-sm btn-link" disabled={sending} onClick={onCancel}>
        Cancel
      </button>
      <span className="bbl-field-error" id={`${id}-message`} aria-live="polite">
        {message}
      </span>
    </form>
  );
};
