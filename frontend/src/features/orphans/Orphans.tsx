import React, { useId, useState } from "react";
import { Link } from "react-router-dom";
import { asFailure, resolveOrphan } from "../../server/client";
import type { Orphan } from "../../contract/types";
import { episodeRoute, workerRoute } from "../../model/links";
import { actorWords, count } from "../../model/words";
import { Icon } from "../../ui/Icon";
import { Age, Moment } from "../../ui/Time";

interface Props {
  /** The newest of them. */
  orphans: readonly Orphan[];
  /** How many there are; null where it is not known. */
  total: number | null;
  /** Where the others are. */
  rest: string;
  onResolved: () => void;
  open: boolean;
}

const SHOWN = 20;

/** Instances that may still run and cost money, until somebody has looked. */
export const Orphans = ({ orphans, total, rest, onResolved, open }: Props) => {
  // An entry may have come or gone between the list and the count.
  const all = total === null ? null : Math.max(total, orphans.length);
  if (orphans.length === 0) {
    return (
      <p className="card card-header bbl-panel" data-test="orphans-none">
        No instance is known to have been left running.
      </p>
    );
  }
  return (
    <details className="card bbl-panel" data-test="orphans" open={open}>
      <summary className="card-header">
        <Icon name="failed" />{" "}
        {all === null ? `More than ${count(orphans.length - 1, "instance")}` : count(all, "instance")} may still run{" "}
        <span className="bbl-muted">and cost money, until somebody has looked</span>
      </summary>
      <div className="card-body">
        <ul className="bbl-orphans">
          {orphans.slice(0, SHOWN).map((orphan) => (
            <OrphanItem key={orphan.id} orphan={orphan} onResolved={onResolved} />
          ))}
        </ul>
        {(all === null || all > SHOWN) && (
          <p>
            and{" "}
            <Link to={rest}>
              {all === null ? "more" : `${(all - Math.min(SHOWN, orphans.length)).toLocaleString("en")} more`}
            </Link>
            .
          </p>
        )}
      </div>
    </details>
  );
};

/** One entry: what may run, since when and why; and the way to close it, or who has. */
export const OrphanItem = ({ orphan, onResolved }: { orphan: Orphan; onResolved: () => void }) => {
  const id = useId();
  const [note, setNote] = useState("");
  const [message, setMessage] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    if (busy) return;
    if (note.trim() === "") {
      setMessage("Write down what you found first.");
      return;
    }
    setBusy(true);
    try {
      await resolveOrphan(orphan.id, note.trim());
      onResolved();
    } catch (error) {
      setMessage(`Not closed: ${asFailure(error).message}`);
    }
    setBusy(false);
  };
  return (
    <li data-test="orphan" data-orphan={orphan.id} data-worker={orphan.worker} data-open={orphan.closed_at === null}>
      <code>
        <bdi>{orphan.instance ?? "an instance whose name is not known"}</bdi>
      </code>{" "}
      of{" "}
      <Link to={workerRoute(orphan.workerid)}>
        <bdi>{orphan.worker}</bdi>
      </Link>
      ,{" "}
      {orphan.closed_at === null ? (
        <>
          for <Age since={orphan.opened_at} />
        </>
      ) : (
        <>
          opened <Moment at={orphan.opened_at} />
        </>
      )}
      {orphan.episode !== null && (
        <>
          , in <Link to={episodeRoute(orphan.episode)}>episode {orphan.episode}</Link>
        </>
      )}
      {(orphan.times ?? 1) > 1 && <>, told {orphan.times} times</>}
      <bdi className="bbl-sub bbl-text">{orphan.why}</bdi>
      {orphan.closed_at === null ? (
        <details>
          <summary>Mark as resolved…</summary>
          <form
            className="bbl-inline"
            onSubmit={(event) => {
              event.preventDefault();
              void submit();
            }}
          >
            <label htmlFor={id}>What became of it</label>
            <input
              id={id}
              className="form-control"
              value={note}
              maxLength={1000}
              placeholder="terminated by hand"
              aria-describedby={`${id}-message`}
              data-test="orphan-note"
              onChange={(event) => {
                setNote(event.target.value);
              }}
            />
            <button type="submit" className="btn btn-sm btn-secondary" aria-disabled={busy} data-test="orphan-resolve">
              Close this entry
            </button>
            <span className="bbl-field-error" id={`${id}-message`} aria-live="polite">
              {message}
            </span>
          </form>
        </details>
      ) : (
        <span className="bbl-sub">
          <Icon name="ok" /> closed <Moment at={orphan.closed_at} />
          {orphan.closed_by !== null && <> by {actorWords(orphan.closed_by, orphan.closed_by_kind ?? undefined)}</>}
          {orphan.note !== null && (
            <>
              : <bdi className="bbl-text">{orphan.note}</bdi>
            </>
          )}
        </span>
      )}
    </li>
  );
};
