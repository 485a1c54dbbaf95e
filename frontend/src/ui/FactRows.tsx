import React from "react";
import type { Worker } from "../contract/types";
import { toldAt } from "../model/words";
import { Connected } from "./Badge";
import { Frames } from "./Frames";
import { Age } from "./Time";

/* Facts that a worker's page and the dialog of a forced disconnect tell alike. */

export const PendingFact = ({ worker }: { worker: Worker }) =>
  worker.pending === null ? null : (
    <>
      <dt>Waits for</dt>
      <dd>
        <code>{worker.pending.call}</code>, for <Age since={worker.pending.since} until={toldAt(worker)} />
        <Frames frames={worker.pending.where} />
      </dd>
    </>
  );

export const ConnectedFact = ({ worker }: { worker: Worker }) => (
  <>
    <dt>Connected</dt>
    <dd>
      <Connected worker={worker} />
    </dd>
  </>
);
