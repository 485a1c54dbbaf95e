import React from "react";
import type { ShownHistory } from "../hooks/useHistory";
import { Notice } from "./Notice";

interface Props {
  history: ShownHistory<unknown>;
  /** What it is a history of, in the plural. */
  what: string;
  empty: string;
  test: string;
}

/** Below a list: its loading, its end, its failure, and the way to what is older. */
export const HistoryFoot = ({ history, what, empty, test }: Props) => (
  <div className="bbl-foot">
    {history.loading && <p role="status">Loading the {what}…</p>}
    {!history.loading && history.failure === null && history.items.length === 0 && <p className="bbl-muted">{empty}</p>}
    {history.failure !== null && (
      <Notice kind="warning" title={`The ${what} could not be read`} test={`${test}-failed`}>
        {history.failure.message}{" "}
        <button type="button" className="btn btn-sm btn-link" onClick={history.reload}>
          Try again
        </button>
      </Notice>
    )}
    {history.next !== null && (
      <button
        type="button"
        className="btn btn-sm btn-outline-secondary"
        data-test={`${test}-older`}
        onClick={history.older}
      >
        Older {what}
      </button>
    )}
  </div>
);
