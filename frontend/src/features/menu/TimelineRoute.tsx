import React, { useEffect, useState } from "react";
import { fetchTimeline } from "../../host/script";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";

let known: React.ComponentType | null = null;

/** The timeline, once its script is there. */
export const TimelineRoute = () => {
  const [View, setView] = useState(() => known);
  const [attempt, setAttempt] = useState(0);
  const [fault, setFault] = useState("");
  useEffect(() => {
    if (known !== null) return;
    let here = true;
    fetchTimeline().then(
      (found) => {
        known = found;
        if (here) setView(() => found);
      },
      (error: unknown) => {
        if (here) setFault(error instanceof Error ? error.message : String(error));
      },
    );
    return () => {
      here = false;
    };
  }, [attempt]);
  if (View !== null) return <View />;
  return (
    <Page name="timeline" title="Timeline" route="/lifecycle/timeline" wide>
      {fault === "" ? (
        <p className="bbl-loading" role="status" data-test="loading">
          Loading the timeline…
        </p>
      ) : (
        <Notice kind="danger" title="No timeline" test="timeline-script">
          {fault}{" "}
          <button
            type="button"
            className="btn btn-sm btn-link"
            onClick={() => {
              setFault("");
              setAttempt(attempt + 1);
            }}
          >
            Try again
          </button>
        </Notice>
      )}
    </Page>
  );
};
