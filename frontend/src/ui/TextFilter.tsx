import React, { useEffect, useId, useState } from "react";

interface Props {
  label: string;
  value: string;
  test: string;
  onChange: (value: string) => void;
}

const TYPING_MS = 300;

/** A text to look for. The server is asked when the reader has stopped typing. */
export const TextFilter = ({ label, value, test, onChange }: Props) => {
  const id = useId();
  const [text, setText] = useState(value);
  const [outside, setOutside] = useState(value);
  // The address has changed by another way than by this field.
  if (outside !== value) {
    setOutside(value);
    setText(value);
  }
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => {
      onChange(text);
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [text, value, onChange]);
  return (
    <span className="bbl-choice">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="search"
        className="form-control bbl-short"
        value={text}
        data-test={test}
        onChange={(event) => {
          setText(event.target.value);
        }}
      />
    </span>
  );
};
