import React from "react";
import type { Worker } from "../../contract/types";
import type { Pausing } from "../../model/pausing";
import { ForceDialog } from "../force/ForceDialog";
import { PauseDialog } from "./PauseDialog";

/** What a reader is about to do to some workers. */
export interface Act {
  act: "force" | Pausing;
  workers: readonly Worker[];
  /** Called when a pause, or the end of one, is done for each of them. */
  done?: () => void;
}

export const ActDialog = ({ target: { act, workers, done }, onClose }: { target: Act; onClose: () => void }) =>
  act === "force" ? (
    <ForceDialog workers={workers} onClose={onClose} />
  ) : (
    <PauseDialog
      workers={workers}
      act={act}
      onClose={(isDone) => {
        if (isDone) done?.();
        onClose();
      }}
    />
  );
