import React, { memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Link } from "react-router-dom";
import type { Orphan } from "../../contract/types";
import { useFleet } from "../../hooks/useShared";
import { isSame } from "../../model/key";
import { endRoute, episodeRoute, workerRoute } from "../../model/links";
import { byAge, byWorker } from "../../model/orphans";
import { actorWords, count } from "../../model/words";
import { Icon } from "../../ui/Icon";
import { InstanceName } from "../../ui/InstanceName";
import { Age, Moment } from "../../ui/Time";
import { CloseBar } from "./CloseBar";
import { closedWords, type Closed } from "./closing";

interface Props {
  orphans: readonly Orphan[];
  /** Each worker's together. */
  grouped?: boolean;
  onClosed: () => void;
}

/* The browser lays out no more at once. */
const AT_ONCE = 200;
const NONE: ReadonlySet<number> = new Set();

/** Entries of the ledger, with a box for each that is open: one note closes all that are selected. */
export const OrphanTable = ({ orphans, grouped = false, onClosed }: Props) => {
  const { meta } = useFleet();
  // Whether it is allowed is not known at once; who may not is told before he has written a note.
  const allowed = meta?.can_force !== false;
  const [selection, setSelection] = useState(NONE);
  const [most, setMost] = useState(AT_ONCE);
  const note = useRef<HTMLInputElement>(null);
  const told = useRef<HTMLParagraphElement>(null);
  const [result, setResult] = useState<Closed | null>(null);
  const open = orphans.filter((orphan) => orphan.closed_at === null);
  const selected = open.filter((orphan) => selection.has(orphan.id));
  const shown = useMemo(
    () => (grouped ? [...orphans].sort(byWorker) : orphans).slice(0, most),
    [orphans, grouped, most],
  );
  const select = useCallback((ids: readonly number[], on: boolean) => {
    setSelection((now) => {
      const next = new Set(now);
      for (const id of ids) {
        if (on) next.add(id);
        else next.delete(id);
      }
      return next;
    });
  }, []);
  const markOne = useCallback((id: number) => {
    setSelection(new Set([id]));
    // The bar is drawn by then.
    requestAnimationFrame(() => note.current?.focus());
  }, []);
  const onDone = (closed: Closed) => {
    setResult(closed);
    setSelection(new Set(closed.left.map(({ orphan }) => orphan.id)));
    onClosed();
  };
  // The row and its button are gone: the focus goes to what came of it.
  useEffect(() => {
    if (result !== null) told.current?.focus();
  }, [result]);
  const boxes = allowed && open.length > 0;
  return (
    <>
      {!allowed && open.length > 0 && (
        <p className="bbl-muted" data-test="orphans-shut">
          {meta.user === null ? "Log in at the top right to close entries." : "You may not close entries."}
        </p>
      )}
      <p className="bbl-said" role="status" tabIndex={-1} ref={told} data-test="orphans-said">
        {result !== null && (
          <>
            <Icon name={result.left.length === 0 ? "ok" : "failed"} /> {closedWords(result)}
          </>
        )}
      </p>
      {/* The roles are said again: on a phone the rows are drawn as cards. */}
      <table role="table" className="table table-sm bbl-cards" data-test="ledger">
        <caption className="bbl-sr">Instances that may still run</caption>
        <thead role="rowgroup">
          <tr role="row">
            {boxes && (
              <th role="columnheader" scope="col">
                <Box label="Select all open entries" ids={open.map(({ id }) => id)} of={selection} onSelect={select} />
              </th>
            )}
            <Heading>Instance</Heading>
            <Heading>Worker</Heading>
            <Heading>Why</Heading>
            <Heading>Opened</Heading>
            <Heading>What became of it</Heading>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {shown.map((orphan, index) => {
            const first = grouped && !isSame(orphan, shown[index - 1]);
            return (
              <React.Fragment key={orphan.id}>
                {first && <Group orphans={orphans} orphan={orphan} boxes={boxes} of={selection} onSelect={select} />}
                <Row
                  orphan={orphan}
                  boxes={boxes}
                  selected={selection.has(orphan.id)}
                  onSelect={select}
                  onMark={allowed ? markOne : null}
                />
              </React.Fragment>
            );
          })}
        </tbody>
      </table>
      {orphans.length > most && (
        <button
          type="button"
          className="btn btn-sm btn-outline-secondary"
          onClick={() => {
            setMost(most + AT_ONCE);
          }}
        >
          Show more of {(orphans.length - most).toLocaleString("en")}
        </button>
      )}
      <CloseBar
        ref={note}
        selected={selected}
        onClear={() => {
          setSelection(NONE);
        }}
        onDone={onDone}
      />
    </>
  );
};

const Heading = ({ children }: { children: React.ReactNode }) => (
  <th role="columnheader" scope="col">
    {children}
  </th>
);

interface BoxProps {
  label: string;
  ids: readonly number[];
  of: ReadonlySet<number>;
  onSelect: (ids: readonly number[], on: boolean) => void;
}

/** A box for several; neither on nor off where some are. */
const Box = ({ label, ids, of, onSelect }: BoxProps) => {
  const on = ids.filter((id) => of.has(id)).length;
  return (
    <input
      type="checkbox"
      aria-label={label}
      checked={on === ids.length}
      ref={(element) => {
        if (element !== null) element.indeterminate = on > 0 && on < ids.length;
      }}
      data-test="select-many"
      onChange={(event) => {
        onSelect(ids, event.target.checked);
      }}
    />
  );
};

interface GroupProps {
  orphans: readonly Orphan[];
  /** The first of the worker's. */
  orphan: Orphan;
  boxes: boolean;
  of: ReadonlySet<number>;
  onSelect: BoxProps["onSelect"];
}

const Group = ({ orphans, orphan, boxes, of, onSelect }: GroupProps) => {
  const own = orphans.filter((each) => isSame(each, orphan));
  const ids = own.filter(({ closed_at }) => closed_at === null).map(({ id }) => id);
  const oldest = [...own].sort(byAge)[0] ?? orphan;
  return (
    <tr role="row" className="bbl-group" data-test="orphan-group" data-worker={orphan.worker}>
      {boxes && (
        <td role="cell">
          {ids.length > 0 && <Box label={`Select all of ${orphan.worker}`} ids={ids} of={of} onSelect={onSelect} />}
        </td>
      )}
      <th role="rowheader" scope="rowgroup" colSpan={5}>
        <bdi>{orphan.worker}</bdi>{" "}
        <span className="bbl-muted">
          {count(own.length, "entry", "entries")}, the oldest of <Moment at={oldest.opened_at} />
        </span>
      </th>
    </tr>
  );
};

interface RowProps {
  orphan: Orphan;
  boxes: boolean;
  selected: boolean;
  onSelect: BoxProps["onSelect"];
  /** Null where nobody may close it. */
  onMark: ((id: number) => void) | null;
}

const Row = memo(({ orphan, boxes, selected, onSelect, onMark }: RowProps) => {
  const isOpen = orphan.closed_at === null;
  return (
    <tr
      role="row"
      data-test="orphan"
      data-orphan={orphan.id}
      data-worker={orphan.worker}
      data-open={isOpen}
      className={selected ? "bbl-selected" : ""}
    >
      {boxes && (
        <td role="cell" data-label="Select">
          {isOpen && (
            <input
              type="checkbox"
              checked={selected}
              aria-label={`Select ${orphan.instance ?? "an instance"} of ${orphan.worker}`}
              data-test="select"
              onChange={(event) => {
                onSelect([orphan.id], event.target.checked);
              }}
            />
          )}
        </td>
      )}
      <th role="rowheader" scope="row" data-label="Instance">
        <InstanceName name={orphan.instance ?? ""} />
        {orphan.place != null && <span className="bbl-sub">{orphan.place}</span>}
      </th>
      <td role="cell" data-label="Worker">
        <Link to={workerRoute(orphan)}>
          <bdi>{orphan.worker}</bdi>
        </Link>
        {orphan.episode !== null && (
          <span className="bbl-sub">
            <Link to={episodeRoute(orphan.episode)}>episode {orphan.episode}</Link>
          </span>
        )}
      </td>
      <td role="cell" data-label="Why">
        <bdi className="bbl-text">{orphan.why}</bdi>
        {(orphan.times ?? 1) > 1 && <span className="bbl-sub">told {orphan.times} times</span>}
        {isOpen && orphan.proof != null && (
          <span className="bbl-sub" data-test="proof">
            {PROOFS[orphan.proof.answer] ?? orphan.proof.answer}
            {orphan.proof.text !== null && `: ${orphan.proof.text}`}, <Age since={orphan.proof.asked} /> ago
          </span>
        )}
      </td>
      <td role="cell" data-label="Opened">
        <span className="bbl-nowrap">
          <Moment at={orphan.opened_at} />
        </span>
        {isOpen && (
          <span className="bbl-sub">
            <Age since={orphan.opened_at} /> ago
          </span>
        )}
      </td>
      <td role="cell" data-label="What became of it">
        {isOpen ? (
          <span className="bbl-row-actions">
            {onMark !== null && (
              <button
                type="button"
                className="btn btn-sm btn-outline-secondary"
                data-test="orphan-mark"
                onClick={() => {
                  onMark(orphan.id);
                }}
              >
                Mark as gone<span className="bbl-sr"> {orphan.instance}</span>…
              </button>
            )}
            {orphan.instance !== null && (
              <Link to={endRoute({ entry: orphan.id })} data-test="orphan-end">
                End instance<span className="bbl-sr"> {orphan.instance}</span>…
              </Link>
            )}
          </span>
        ) : (
          <ClosedWords orphan={orphan} />
        )}
      </td>
    </tr>
  );
});
Row.displayName = "Row";

const PROOFS: Record<string, string> = {
  there: "the cloud still has it",
  not_known: "whether it still runs is not known",
  gone: "the cloud does not have it",
};

const ClosedWords = ({ orphan: { closed_at, closed_by, closed_by_kind, note } }: { orphan: Orphan }) => (
  <span>
    <Icon name="ok" /> closed {closed_at !== null && <Moment at={closed_at} />}
    {closed_by !== null && <> by {actorWords(closed_by, closed_by_kind ?? undefined)}</>}
    {note !== null && (
      <>
        : <bdi className="bbl-text">{note}</bdi>
      </>
    )}
  </span>
);
