import React from "react";
import type { ApiFailure } from "../server/client";
import { feed } from "../server/live";
import { explainPage } from "../model/refusals";
import { Notice } from "./Notice";

/** Why there is nothing to show, and the next step. */
export const FailedPage = ({ failure, children }: { failure: ApiFailure; children?: React.ReactNode }) => {
  const { title, text } = explainPage(failure);
  const mine = failure.status === 401 || failure.status === 403 || failure.status === 404;
  return (
    <Notice kind={mine ? "warning" : "danger"} title={title} test="failed">
      <p>{text}</p>
      {children}
      <button type="button" className="btn btn-secondary" onClick={feed.tryNow}>
        Try again
      </button>
    </Notice>
  );
};
