import React from "react";

interface Props {
  /** Begins the `data-test` of each button. */
  test: string;
  /** Of the button that does it. */
  look?: "danger" | "primary";
  /** Look again at what would be done; null: there is nothing to look at again. */
  onReload: (() => void) | null;
  onClose: () => void;
  /** It was done, or cannot be: closing calls nothing off. */
  over: boolean;
  sending: boolean;
  blocked: boolean;
  /** The form that the last button submits; null: none is asked for. */
  form: string | null;
  submit: string;
  /** Submitting waits for a look that is under way. */
  looking: boolean;
}

/** The buttons of a dialog that does something to a worker or an instance. */
export function Footer({
  test,
  look = "danger",
  onReload,
  onClose,
  over,
  sending,
  blocked,
  form,
  submit,
  looking,
}: Props) {
  return (
    <>
      {onReload !== null && (
        <button type="button" className="btn btn-secondary" data-test={`${test}-reload`} onClick={onReload}>
          Look again
        </button>
      )}
      <button
        type="button"
        className="btn btn-secondary"
        data-test={`${test}-close`}
        aria-disabled={sending}
        onClick={() => {
          if (!sending) onClose();
        }}
      >
        {over ? "Close" : "Cancel"}
      </button>
      {form !== null && (
        <button
          type="submit"
          form={form}
          className={`btn ${look === "danger" ? "btn-danger" : "btn-primary"}${blocked ? " disabled" : ""}`}
          aria-disabled={blocked}
          data-test={`${test}-submit`}
          onClick={(event) => {
            if (looking) event.preventDefault();
          }}
        >
          {submit}
        </button>
      )}
    </>
  );
}
