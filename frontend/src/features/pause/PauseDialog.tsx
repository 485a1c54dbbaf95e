import React, { useEffect, useId, useRef } from "react";
import type { Worker } from "../../contract/types";
import { useSource } from "../../hooks/useSource";
import { keyOf } from "../../model/key";
import { PAUSING_TEXT, PAUSING_WORDS, canPause, leftAlone, pausingMeans, type Pausing } from "../../model/pausing";
import { explainForce } from "../../model/refusals";
import { count, statusWords, worded } from "../../model/words";
import { Dialog } from "../../ui/Dialog";
import { Icon, actionIcon } from "../../ui/Icon";
import { Notice } from "../../ui/Notice";
import { ConfirmForm } from "../act/ConfirmForm";
import { Footer } from "../act/Footer";
import { PauseCourse, type Course, type One } from "./course";

interface Props {
  workers: readonly Worker[];
  act: Pausing;
  /** `done`: of each that was asked for, it is done. */
  onClose: (done: boolean) => void;
}

/** Of one worker or of several: what it brings about for each, one reason, and one result for each. */
export const PauseDialog = ({ workers, act, onClose }: Props) => {
  const formId = useId();
  const [{ ones, sent }, course] = useSource<Course, PauseCourse>("", () => new PauseCourse(workers, act));
  const able = ones.filter(({ worker }) => canPause(worker, act));
  const done = able.filter(({ action }) => action?.status === "done").length;
  const asksForm = sent !== "sent" && able.length > 0;
  const word = PAUSING_WORDS[act];
  const heading = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    if (sent === "sent") heading.current?.focus();
  }, [sent]);
  const [first] = workers;
  const name = first !== undefined && workers.length === 1 ? first.name : null;
  const many = count(able.length, "worker");
  return (
    <Dialog
      title={
        <>
          {word} {name === null ? count(workers.length, "worker") : <span className="bbl-name">{name}</span>}
        </>
      }
      closable={sent !== "sending"}
      onClose={() => {
        onClose(sent === "sent" && done === able.length);
      }}
      footer={
        <Footer
          test="pause"
          look="primary"
          onReload={null}
          onClose={() => {
            onClose(sent === "sent" && done === able.length);
          }}
          over={sent === "sent"}
          sending={sent === "sending"}
          blocked={sent === "sending"}
          form={asksForm ? formId : null}
          submit={sent === "sending" ? "Asking Buildbot…" : name === null ? `${word} ${many}` : word}
          looking={false}
        />
      }
      test="pause-dialog"
    >
      <div aria-busy={sent === "sending"}>
        {sent === "sent" ? (
          <p tabIndex={-1} ref={heading} role="status" data-test="pause-outcome" data-done={done}>
            <strong>
              {done} of {many} {act}d.
            </strong>{" "}
            {able.length === 1 ? "It is recorded as an action." : "Each is recorded as an action of its own."}
          </p>
        ) : (
          <p>{PAUSING_TEXT[act]}</p>
        )}
        <ul className="bbl-many">
          {ones.map((one) => (
            <Line key={keyOf(one.worker)} one={one} act={act} />
          ))}
        </ul>
        {able.length === 0 && (
          <Notice kind="warning" title={`There is nothing to ${act}`} test="pause-nothing">
            {name === null ? "Each of them is left alone." : "It is left alone."}
          </Notice>
        )}
        {asksForm && (
          <ConfirmForm
            formId={formId}
            test="pause"
            name={null}
            sending={sent === "sending"}
            onSubmit={(reason) => void course.submit(reason)}
          />
        )}
      </div>
    </Dialog>
  );
};

const Line = ({ one: { worker, sending, failure, action }, act }: { one: One; act: Pausing }) => {
  const tell = (state: string, icon: React.ComponentProps<typeof Icon>["name"], text: React.ReactNode) => (
    <li data-test="pause-one" data-worker={worker.name} data-state={state}>
      <Icon name={icon} />{" "}
      <strong>
        <bdi>{worker.name}</bdi>
      </strong>
      : {text}
    </li>
  );
  if (action !== null) {
    return tell(
      action.status,
      actionIcon(action.status),
      <>
        {statusWords(action.status)}
        {action.outcome !== null && `: ${worded(action.outcome)}`}{" "}
        <span className="bbl-muted">(action {action.id})</span>
      </>,
    );
  }
  if (failure !== null) return tell("failure", "no", explainForce(failure).text);
  if (sending) return tell("sending", "waiting", "asking its master…");
  const why = leftAlone(worker, act);
  if (why !== "") return tell("left", "no", `is left alone: ${why}`);
  return tell("ready", act === "pause" ? "paused" : "ok", pausingMeans(worker, act));
};
