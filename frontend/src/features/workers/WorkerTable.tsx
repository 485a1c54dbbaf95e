import React, { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { recentSource } from "../../server/recent";
import type { Worker, WorkersMeta } from "../../contract/types";
import { useRows } from "../../hooks/useRows";
import type { SortKey, View } from "../../model/arrange";
import { keyOf, type Key } from "../../model/key";
import { Icon } from "../../ui/Icon";
import { WorkerRow } from "./WorkerRow";

interface Props {
  rows: readonly Worker[];
  meta: WorkersMeta | null;
  view: View;
  onView: (change: Partial<View>) => void;
  onForce: (worker: Worker) => void;
  selection: ReadonlySet<Key>;
  /** Null where nothing can be selected. */
  onSelect: ((worker: Key, selected: boolean) => void) | null;
}

const COLUMNS: { title: string; sort: SortKey | null; place: string }[] = [
  { title: "Worker", sort: "name", place: "bbl-c-worker" },
  { title: "Verdict", sort: "severity", place: "bbl-c-verdict" },
  { title: "State", sort: "state", place: "bbl-c-state" },
  { title: "For", sort: "since", place: "bbl-c-for" },
  { title: "Lately", sort: null, place: "bbl-c-lately" },
  { title: "Current build", sort: null, place: "bbl-c-build" },
  { title: "Action", sort: null, place: "bbl-c-action" },
];

/* A short table is in the page as a whole, where the browser's own search finds it; of a long one, what can be seen. */
const SHORT = 100;

export const WorkerTable = ({ rows, meta, view, onView, onForce, selection, onSelect }: Props) => {
  const body = useRef<HTMLTableSectionElement>(null);
  const [focused, setFocused] = useState<Key | null>(null);
  const showMaster = useMemo(() => new Set(rows.map((worker) => worker.masterid)).size > 1, [rows]);
  const keys = useMemo(() => rows.map(keyOf), [rows]);
  const guess = useCallback((index: number) => (rows[index]?.verdict.level === "ok" ? 49 : 70), [rows]);
  // The row with the focus stays in the page when it is scrolled out of sight, or the focus would be lost.
  const kept = focused === null ? -1 : keys.indexOf(focused);
  const { rows: shown, height } = useRows({ keys, guess, list: body, kept, short: SHORT });
  const shownIds = shown.map(({ index }) => keys[index] ?? "");
  const shownKey = shownIds.join();
  useEffect(() => {
    recentSource.want(shownKey === "" ? [] : shownKey.split(","));
  }, [shownKey]);

  const columns = COLUMNS.length + Number(onSelect !== null);
  const parts: React.JSX.Element[] = [];
  let filledTo = 0;
  const gap = (until: number) => {
    if (until - filledTo > 0.5) {
      parts.push(
        <tr key={`gap-${filledTo}`} className="bbl-gap" aria-hidden="true">
          <td colSpan={columns} style={{ height: until - filledTo }} />
        </tr>,
      );
    }
  };
  for (const { index, start, end } of shown) {
    const worker = rows[index];
    if (worker === undefined) continue;
    gap(start);
    filledTo = end;
    parts.push(
      <WorkerRow
        key={keyOf(worker)}
        worker={worker}
        index={index}
        meta={meta}
        showMaster={showMaster}
        selected={selection.has(keyOf(worker))}
        onSelect={onSelect}
        onForce={onForce}
      />,
    );
  }
  gap(height);

  // The roles are said again: on a phone the rows are drawn as cards, and browsers forget a table that is not drawn as one.
  return (
    <table
      role="table"
      className={`table table-sm table-hover bbl-table${onSelect === null ? " bbl-noselect" : ""}`}
      aria-rowcount={rows.length + 1}
      data-test="worker-table"
    >
      <caption className="bbl-sr">Latent workers. Stuck ones come first, whatever the order is.</caption>
      <thead role="rowgroup">
        <tr role="row" aria-rowindex={1}>
          {onSelect !== null && (
            <th role="columnheader" scope="col" className="bbl-c-select">
              <span className="bbl-sr">Selected</span>
            </th>
          )}
          {COLUMNS.map((column) => (
            <Heading key={column.title} {...column} view={view} onView={onView} />
          ))}
        </tr>
      </thead>
      {/* It only watches where the focus goes. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <tbody
        role="rowgroup"
        ref={body}
        onFocus={(event) => {
          const row = (event.target as HTMLElement).closest<HTMLElement>("tr[data-index]");
          setFocused(keys[Number(row?.dataset.index)] ?? null);
        }}
        onBlur={(event) => {
          // Within the table the focus only moves: a row that went now would take it along.
          if (!event.currentTarget.contains(event.relatedTarget)) setFocused(null);
        }}
      >
        {parts}
      </tbody>
    </table>
  );
};

interface HeadingProps {
  title: string;
  /** The class of the column. */
  place: string;
  sort: SortKey | null;
  view: View;
  onView: (change: Partial<View>) => void;
}

const Heading = ({ title, place: className, sort, view, onView }: HeadingProps) => {
  const place = { role: "columnheader", scope: "col", className } as const;
  if (sort === null) return <th {...place}>{title}</th>;
  const current = view.sort === sort;
  return (
    <th {...place} aria-sort={current ? (view.descending ? "descending" : "ascending") : "none"}>
      <button
        type="button"
        className="bbl-sort"
        data-test={`sort-${sort}`}
        onClick={() => {
          onView({ sort, descending: current && !view.descending });
        }}
      >
        {title} {current && <Icon name={view.descending ? "down" : "up"} />}
      </button>
    </th>
  );
};
