import React, { useState } from "react";
import { Link } from "react-router-dom";
import type { Instance } from "../../contract/types";
import { useInstances } from "../../hooks/useInstances";
import type { Which } from "../../model/key";
import { queryOf } from "../../model/filters";
import { arrangeInstances, standingWords, whyNotWords } from "../../model/instances";
import { InstanceName } from "../../ui/InstanceName";
import { CloudSays } from "./InstanceFacts";
import { EndButton } from "./EndButton";
import { EndDialog } from "./EndDialog";

interface Props {
  which: Which;
  worker: string;
  /** Where the dialog is another one's to open, since this stands in one. */
  onEnd?: (instance: Instance) => void;
  /** What is said above them. */
  children: React.ReactNode;
}

const NO_FILTER = { standing: "", text: "", place: "" };

/** The instances that a worker has or has left, and the way to end each; nothing where none is known. */
export const WorkersInstances = ({ which: { workerid, masterid }, worker, onEnd, children }: Props) => {
  const { instances, reload } = useInstances(queryOf({ worker, masterid }), workerid);
  const [target, setTarget] = useState<Instance | null>(null);
  const shown = arrangeInstances(instances ?? [], NO_FILTER);
  if (shown.length === 0 && target === null) return null;
  return (
    <div data-test="workers-instances">
      {children}
      <ul className="bbl-orphans">
        {shown.map((instance) => (
          <li key={instance.id} data-test="workers-instance" data-instance={instance.name}>
            <InstanceName name={instance.name} link={instance.link} /> at {instance.place}:{" "}
            {standingWords(instance.standing).label}. The cloud says <CloudSays instance={instance} />.{" "}
            {instance.endable ? (
              <EndButton instance={instance} onEnd={onEnd ?? setTarget} />
            ) : (
              <span className="bbl-sub">{whyNotWords(instance.why_not)}</span>
            )}
          </li>
        ))}
      </ul>
      <p>
        <Link to={`/lifecycle/instances${queryOf({ q: worker })}`}>All instances of {worker}</Link>
      </p>
      {target !== null && (
        <EndDialog
          key={target.id}
          instance={target}
          onClose={() => {
            setTarget(null);
            reload();
          }}
        />
      )}
    </div>
  );
};
