import React, { useEffect, useRef, useState } from "react";
import { Link } from "react-router-dom";
import type { Instance, LeftInstance, ToDo, Worker } from "../../contract/types";
import { useInstances } from "../../hooks/useInstances";
import { queryOf } from "../../model/filters";
import { endRoute } from "../../model/links";
import { causeWords, leftWords, pauseWords, releasedBy } from "../../model/toDo";
import { ApiFailure, pauseWorker, resolveOrphan } from "../../server/client";
import { fleetSource } from "../../server/fleet";
import { Icon } from "../../ui/Icon";
import { InstanceName } from "../../ui/InstanceName";
import { Age } from "../../ui/Time";
import { EndButton } from "../end/EndButton";
import { EndDialog } from "../end/EndDialog";
import { NoteForm } from "./NoteForm";

interface Props {
  worker: Worker;
  /** Where the dialog is another one's to open, since this stands in one. */
  onEnd?: (instance: Instance) => void;
  /** Something was done: what is left is asked for again. */
  onDone: () => void;
}

/** What is left to do of a worker, with the means for each part; nothing once it is empty. */
export const ToDoList = ({ worker, onEnd, onDone }: Props) => {
  const left = worker.to_do ?? null;
  const [said, setSaid] = useState("");
  const told = useRef<HTMLParagraphElement>(null);
  // The part and its button go: the focus goes to what came of it.
  useEffect(() => {
    if (said !== "") told.current?.focus();
  }, [said]);
  const done = (what: string) => {
    setSaid(what);
    onDone();
    fleetSource.reload();
  };
  if (left === null && said === "") return null;
  return (
    <section aria-label="Left to do" data-test="to-do">
      <p className="bbl-said" role="status" tabIndex={-1} ref={told} data-test="to-do-said">
        {said}
      </p>
      {left === null ? (
        <p data-test="to-do-empty">
          <Icon name="ok" /> Nothing is left to do.
        </p>
      ) : (
        <Parts left={left} worker={worker} onEnd={onEnd} onDone={done} />
      )}
    </section>
  );
};

interface PartsProps {
  left: ToDo;
  worker: Worker;
  onEnd: Props["onEnd"];
  onDone: (said: string) => void;
}

const Parts = ({ left, worker, onEnd, onDone }: PartsProps) => {
  // The census knows more of them than their names: where they are, and whether they may be ended now.
  const { instances, reload } = useInstances(
    queryOf({ worker: worker.name, masterid: worker.masterid }),
    worker.workerid,
  );
  const [target, setTarget] = useState<Instance | null>(null);
  const by = releasedBy(left);
  return (
    <>
      <h2 className="h5">{leftWords(left)}</h2>
      {left.released !== null && by !== null && (
        <p data-test="to-do-released">
          Force disconnect by <bdi>{by}</bdi>, <Age since={left.released.at} /> ago (action {left.released.action}).
        </p>
      )}
      <ul className="bbl-orphans bbl-to-do">
        {left.instances.map((one) => (
          <InstancePart
            key={one.orphan}
            left={one}
            listed={instances?.find(({ orphan }) => orphan === one.orphan) ?? null}
            onEnd={onEnd ?? setTarget}
            onDone={onDone}
          />
        ))}
        {left.pause !== null && <PausePart left={left} worker={worker} onDone={onDone} />}
        {left.calls.map(({ call, since }) => (
          <li key={`${call} ${since}`} data-test="to-do-call">
            <span>
              The abandoned <code>{call}</code> still runs, for <Age since={since} />.{" "}
              <span className="bbl-muted">It goes from here when it ends.</span>
            </span>
          </li>
        ))}
      </ul>
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
    </>
  );
};

interface InstancePartProps {
  left: LeftInstance;
  /** As the census has it, if it does. */
  listed: Instance | null;
  onEnd: (instance: Instance) => void;
  onDone: (said: string) => void;
}

const InstancePart = ({ left, listed, onEnd, onDone }: InstancePartProps) => {
  const [marking, setMarking] = useState(false);
  const name = left.name ?? "the instance";
  return (
    <li data-test="to-do-instance" data-orphan={left.orphan}>
      <span>
        <InstanceName name={left.name ?? ""} link={left.link ?? listed?.link ?? null} /> may still run, for{" "}
        <Age since={left.since} />: {causeWords(left)}.
      </span>
      <span className="bbl-row-actions">
        {listed?.endable === true ? (
          <EndButton instance={listed} onEnd={onEnd} />
        ) : (
          left.endable && (
            <Link to={endRoute({ entry: left.orphan })} data-test="to-do-end">
              End instance<span className="bbl-sr"> {name}</span>…
            </Link>
          )
        )}
        {!marking && (
          <button
            type="button"
            className="btn btn-sm btn-outline-secondary"
            data-test="to-do-mark"
            onClick={() => {
              setMarking(true);
            }}
          >
            Mark as gone<span className="bbl-sr">: {name}</span>…
          </button>
        )}
      </span>
      {marking && (
        <NoteForm
          label="What became of it"
          submit="Mark as gone"
          busy="Closing…"
          missing="Write down what became of it first."
          test="to-do-gone"
          onSubmit={(note) => resolveOrphan(left.orphan, note).catch(unlessClosed)}
          onDone={() => {
            onDone(`${name} is marked as gone.`);
          }}
          onCancel={() => {
            setMarking(false);
          }}
        />
      )}
    </li>
  );
};

/** What somebody else, or a proof, has closed meanwhile is closed as well. */
function unlessClosed(error: unknown) {
  if (!(error instanceof ApiFailure && error.code === "already_closed")) throw error;
}

const PausePart = ({ left, worker, onDone }: Omit<PartsProps, "onEnd">) => {
  const [asking, setAsking] = useState(false);
  return (
    <li data-test="to-do-pause">
      <span>{pauseWords(left)}</span>
      {!asking && (
        <button
          type="button"
          className="btn btn-sm btn-outline-secondary"
          data-test="to-do-unpause"
          onClick={() => {
            setAsking(true);
          }}
        >
          Unpause<span className="bbl-sr"> {worker.name}</span>…
        </button>
      )}
      {asking && (
        <NoteForm
          label="Reason"
          submit="Unpause"
          busy="Unpausing…"
          missing="A reason is needed: it is written down with your name."
          test="to-do-unpausing"
          onSubmit={async (reason) => {
            const action = await pauseWorker(worker, "unpause", reason).catch(unlessUnpaused);
            if (action?.status === "failed") throw new ApiFailure(0, "failed", action.outcome ?? "It had no effect.");
          }}
          onDone={() => {
            onDone(`Buildbot was asked to unpause ${worker.name}.`);
          }}
          onCancel={() => {
            setAsking(false);
          }}
        />
      )}
    </li>
  );
};

/** Whom somebody else has unpaused meanwhile. */
function unlessUnpaused(error: unknown): null {
  if (error instanceof ApiFailure && error.code === "not_paused") return null;
  throw error;
}
