import React, { useId } from "react";

interface Props {
  label: string;
  value: string;
  options: readonly (readonly [value: string, label: string])[];
  test: string;
  onChoose: (value: string) => void;
}

/** One of several, with its name before it. */
export const Choice = ({ label, value, options, test, onChoose }: Props) => {
  const id = useId();
  return (
    <span className="bbl-choice">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        className="form-control form-select"
        value={value}
        data-test={test}
        onChange={(event) => {
          onChoose(event.target.value);
        }}
      >
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </span>
  );
};
