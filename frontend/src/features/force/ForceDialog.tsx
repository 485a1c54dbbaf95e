import React, { useEffect, useId, useRef, useState } from "react";
import type { Instance, Worker } from "../../contract/types";
import { useSource } from "../../hooks/useSource";
import { explainForce } from "../../model/refusals";
import { count } from "../../model/words";
import { EndDialog } from "../end/EndDialog";
import { Dialog } from "../../ui/Dialog";
import { Icon } from "../../ui/Icon";
import { ForceCourse, type Course } from "./course";
import { ConfirmForm } from "../act/ConfirmForm";
import { Footer } from "../act/Footer";
import { ManyWorkers } from "./ManyWorkers";
import { OneWorker } from "./OneWorker";

interface Props {
  workers: readonly Worker[];
  onClose: () => void;
}

/** Of one worker with all that is known of it, or of several in a line each: one reason, and one result for each. */
export const ForceDialog = ({ workers, onClose }: Props) => {
  const formId = useId();
  const [course, force] = useSource<Course, ForceCourse>("", () => new ForceCourse(workers));
  const { ones } = course;
  // The step after it: the same dialog goes on with the instance that was left.
  const [ending, setEnding] = useState<Instance | null>(null);
  const one = ones.length === 1 ? (ones[0] ?? null) : null;
  const looking = ones.some((each) => each.looking);
  const sending = course.sent === "sending";
  const over = course.sent === "sent";
  const refusal = one?.failure == null ? null : explainForce(one.failure);
  // After a refusal that only a new look can change, the old plan would mislead.
  const outdated = refusal !== null && refusal.next !== "retry";
  const ready = ones.filter(({ plan }) => plan?.eligible === true).length;
  // The form of one stays while it is looked at again; how many of several are ready is known once all were looked at.
  const asksForm = !over && ready > 0 && !outdated && (one !== null || !looking);
  const blocked = sending || looking;

  const body = useRef<HTMLDivElement>(null);
  const failure = one?.failure ?? null;
  useEffect(() => {
    if (failure !== null) body.current?.focus();
  }, [failure]);

  if (ending !== null) return <EndDialog instance={ending} onClose={onClose} />;

  const reload = () => {
    if (one !== null) force.lookAgain(one.worker);
  };
  const footer = (
    <Footer
      test="force"
      onReload={one !== null && refusal?.next === "reload" ? reload : null}
      onClose={onClose}
      over={over}
      sending={sending}
      blocked={blocked}
      form={asksForm ? formId : null}
      submit={submitText(one !== null, sending, ready)}
      looking={looking}
    />
  );

  return (
    <Dialog
      title={<Title workers={workers} />}
      closable={!sending}
      onClose={onClose}
      footer={footer}
      test={one === null ? "force-many" : "force-dialog"}
    >
      <div className="bbl-force" ref={body} tabIndex={-1} aria-busy={blocked}>
        {one === null ? (
          <ManyWorkers course={course} ready={ready} looking={looking} />
        ) : (
          <OneWorker one={one} course={course} refusal={refusal} outdated={outdated} force={force} onEnd={setEnding} />
        )}
        {asksForm && (
          <ConfirmForm
            formId={formId}
            test="force"
            name={one === null ? String(ready) : one.worker.name}
            what={one === null ? "number of workers that will be freed" : "worker's name"}
            sending={blocked}
            onSubmit={(reason) => void force.submit(reason)}
          />
        )}
        {one !== null && sending && (
          <p role="status">
            <Icon name="waiting" /> Asking the master…
          </p>
        )}
      </div>
    </Dialog>
  );
};

function submitText(single: boolean, sending: boolean, ready: number): string {
  if (sending) return single ? "Asking the master…" : "Asking the masters…";
  return single ? "Force disconnect" : `Force disconnect ${count(ready, "worker")}`;
}

const Title = ({ workers }: { workers: readonly Worker[] }) => {
  const [first] = workers;
  if (first === undefined || workers.length > 1) return <>Force disconnect {count(workers.length, "worker")}</>;
  return (
    <>
      Force disconnect <span className="bbl-name">{first.name}</span>
    </>
  );
};
