import React from "react";
import { StopOf } from "./Blockers";
import { FailedPage } from "../../ui/FailedPage";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";
import { useFleet } from "../../hooks/useShared";

/** What blocks the stop of each master, live; of one that is not up, what it last said. */
export const StopPage = () => {
  const { stops, stopsAt, failure, at, workers } = useFleet();
  return (
    <Page name="stop" title="What blocks the stop" route="/lifecycle/stop">
      <p className="bbl-lead">
        What <code>buildbot stop</code> would wait for. A call that does not end is released after its limit and the
        grace that is configured; what may run on after that stands among the orphans.
      </p>
      {stops === null && failure !== null && <FailedPage failure={failure} />}
      {stops === null && failure === null && at === null && (
        <p className="bbl-loading" role="status" data-test="loading">
          Loading what the masters wait for…
        </p>
      )}
      {stops === null && at !== null && (
        <Notice kind="warning" title="Not available" test="stop-absent">
          What the masters wait for could not be read. The page tries again by itself.
        </Notice>
      )}
      {stops?.length === 0 && (
        <Notice kind="light" title="No master is known yet" test="empty">
          A master appears here once it has run with the recorder.
        </Notice>
      )}
      {stops?.map((stop) => (
        <StopOf
          key={stop.masterid}
          stop={stop}
          at={stopsAt}
          lost={failure !== null}
          workers={workers}
          heardAt={Math.max(
            0,
            ...workers.filter((worker) => worker.masterid === stop.masterid).map((worker) => worker.updated_at),
          )}
        />
      ))}
    </Page>
  );
};
