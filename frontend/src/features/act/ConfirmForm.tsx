import React, { useId, useRef, useState } from "react";

interface Props {
  /** What has to be typed; null: the reason is enough. */
  name: string | null;
  /** What that is called. */
  what?: string;
  sending: boolean;
  onSubmit: (reason: string) => void;
  formId: string;
  /** What its fields are called by tests. */
  test: "force" | "end" | "pause";
}

const LONGEST_REASON = 1000;

/** What has to be typed, and the reason. The fields say what is missing, instead of a button that will not be pressed. */
export const ConfirmForm = ({ name, what = "", sending, onSubmit, formId, test }: Props) => {
  const id = useId();
  const [confirm, setConfirm] = useState("");
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const confirmField = useRef<HTMLInputElement>(null);
  const reasonField = useRef<HTMLTextAreaElement>(null);
  const isName = name === null || confirm.trim() === name;
  const wrongName = tried && !isName;
  const noReason = tried && reason.trim() === "";

  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (sending) return;
    if (!isName) confirmField.current?.focus();
    else if (reason.trim() === "") reasonField.current?.focus();
    else onSubmit(reason.trim());
  };

  return (
    <form id={formId} onSubmit={submit} noValidate>
      {name !== null && (
        <div className="form-group mb-3">
          <label htmlFor={`${id}-name`}>
            Type the {what}, <code>{name}</code>, to confirm
          </label>
          <input
            id={`${id}-name`}
            ref={confirmField}
            className={`form-control${wrongName ? " is-invalid" : ""}`}
            value={confirm}
            onChange={(event) => {
              setConfirm(event.target.value);
            }}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            required
            aria-invalid={wrongName}
            aria-describedby={`${id}-name-error`}
            data-test={`${test}-name`}
          />
          <div className="bbl-field-error" id={`${id}-name-error`} aria-live="polite">
            {wrongName && (confirm.trim() === "" ? `Type the ${what}.` : `This is not the ${what}.`)}
          </div>
        </div>
      )}
      <div className="form-group mb-3">
        <label htmlFor={`${id}-reason`}>Reason (kept in the audit log)</label>
        <textarea
          id={`${id}-reason`}
          ref={reasonField}
          className={`form-control${noReason ? " is-invalid" : ""}`}
          rows={2}
          maxLength={LONGEST_REASON}
          value={reason}
          onChange={(event) => {
            setReason(event.target.value);
          }}
          required
          aria-invalid={noReason}
          aria-describedby={`${id}-reason-error`}
          data-test={`${test}-reason`}
        />
        <div className="bbl-field-error" id={`${id}-reason-error`} aria-live="polite">
          {noReason && "A reason is needed: it is written down with your name."}
        </div>
      </div>
    </form>
  );
};
