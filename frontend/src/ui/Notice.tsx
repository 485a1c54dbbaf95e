import React from "react";

interface Props {
  kind: "info" | "warning" | "danger" | "light";
  title: string;
  test: string;
  children?: React.ReactNode;
}

/** A state of the page that is not the usual one: what it means, and the next step. */
export const Notice = ({ kind, title, test, children }: Props) => (
  <div className={`alert alert-${kind} border`} role={kind === "danger" ? "alert" : "status"} data-test={test}>
    <strong>{title}</strong>
    {children !== undefined && <div>{children}</div>}
  </div>
);
