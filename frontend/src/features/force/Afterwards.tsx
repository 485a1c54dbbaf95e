import React from "react";
import type { Action, Instance, Worker } from "../../contract/types";
import { useWorker } from "../../hooks/useAnswer";
import { ToDoList } from "../todo/ToDoList";
import { WorkersInstances } from "../end/WorkersInstances";

interface Props {
  /** As it was before. */
  worker: Worker;
  action: Action;
  onEnd: (instance: Instance) => void;
}

/** What is left once a worker was released, as it is by now; of an older server, the instances that are known. */
export const Afterwards = ({ worker, action, onEnd }: Props) => {
  const { worker: now, reload } = useWorker(worker.workerid, String(worker.masterid));
  if (now?.to_do !== undefined) return <ToDoList worker={now} onEnd={onEnd} onDone={reload} />;
  if (action.status !== "done") return null;
  return (
    <WorkersInstances which={worker} worker={worker.name} onEnd={onEnd}>
      <h3 className="h6">Next: the instance</h3>
      <p>The force disconnect has not stopped it. End it here, or in the cloud's console.</p>
    </WorkersInstances>
  );
};
