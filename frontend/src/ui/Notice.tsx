import React from "react";

interface Props {
  kind: "info" | "warning" | "danger" | "light";
  title: string;
  test: string;
  children?: React.ReactNode;
}

const KINDS = { info: "alert-info", warning: "alert-warning", danger: "alert-danger", light: "alert-light" };

/** A state of the page that is not the usual one: what it means, and the next step. */
export const Notice = ({ kind, title, test, children }: Props) => (
  <div className={`alert ${KINDS[kind]} border`} role={kind === "danger" ? "alert" : "status"} data-test={test}>
    <strong>{title}</strong>
    {children !== undefined && <div>{children}</div>}
  </div>
);
