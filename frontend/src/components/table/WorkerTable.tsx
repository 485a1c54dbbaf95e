import React, { useCallback, useMemo, useLayoutEffect, useRef, useState } from "react";
import { defaultRangeExtractor, useWindowVirtualizer, type Range } from "@tanstack/react-virtual";
import type { Worker, WorkersMeta } from "../../api/types";
import type { SortKey, View } from "../../model/arrange";
import { Icon } from "../Icon";
import { WorkerRow } from "./WorkerRow";

interface Props {
  rows: readonly Worker[];
  meta: WorkersMeta | null;
  view: View;
  onView: (change: Partial<View>) => void;
  onForce: (worker: Worker) => void;
}

const COLUMNS: { title: string; sort: SortKey | null; width: string }[] = [
  { title: "Worker", sort: "name", width: "23%" },
  { title: "Verdict", sort: "severity", width: "25%" },
  { title: "State", sort: "state", width: "16%" },
  { title: "For", sort: "since", width: "9%" },
  { title: "Connected", sort: null, width: "9%" },
  { title: "Current build", sort: null, width: "10%" },
  { title: "Action", sort: null, width: "9rem" },
];

/* A short table is in the page as a whole, where the browser's own search finds it; of a long one, what can be seen. */
const SHORT = 100;
const OVERSCAN = 8;

export const WorkerTable = ({ rows, meta, view, onView, onForce }: Props) => {
  const body = useRef<HTMLTableSectionElement>(null);
  const [top, setTop] = useState(0);
  const [focused, setFocused] = useState<number | null>(null);
  const showMaster = useMemo(() => new Set(rows.map((worker) => worker.masterid)).size > 1, [rows]);

  // The row with the focus stays in the page when it is scrolled out of sight, or the focus would be lost.
  const rangeExtractor = useCallback(
    (range: Range) => {
      const shown = defaultRangeExtractor(range);
      const kept = rows.findIndex((worker) => worker.workerid === focused);
      return kept === -1 || shown.includes(kept) ? shown : [...shown, kept].sort((a, b) => a - b);
    },
    [rows, focused],
  );
  // Kept the same between drawings: a new one makes the virtualizer count all rows anew.
  const estimateSize = useCallback((index: number) => (rows[index]?.verdict.level === "ok" ? 49 : 70), [rows]);
  const getItemKey = useCallback((index: number) => rows[index]?.workerid ?? index, [rows]);
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize,
    getItemKey,
    overscan: rows.length <= SHORT ? SHORT : OVERSCAN,
    scrollMargin: top,
    rangeExtractor,
  });
  // What stands above the table comes and goes, and moves it: looked at after every drawing, and at rest when it is right.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  useLayoutEffect(() => {
    if (virtualizer.isScrolling) return;
    const measured = (body.current?.getBoundingClientRect().top ?? 0) + window.scrollY;
    if (Math.abs(measured - top) > 1) setTop(measured);
  });

  const items = virtualizer.getVirtualItems();
  const parts: React.JSX.Element[] = [];
  let filledTo = 0;
  const gap = (until: number) => {
    if (until - filledTo > 0.5) {
      parts.push(
        <tr key={`gap-${filledTo}`} className="bbl-gap" aria-hidden="true">
          <td colSpan={COLUMNS.length} style={{ height: until - filledTo }} />
        </tr>,
      );
    }
  };
  for (const item of items) {
    const worker = rows[item.index];
    if (worker === undefined) continue;
    gap(item.start - top);
    filledTo = item.end - top;
    parts.push(
      <WorkerRow
        key={item.key}
        worker={worker}
        index={item.index}
        meta={meta}
        showMaster={showMaster}
        measure={virtualizer.measureElement}
        onForce={onForce}
      />,
    );
  }
  gap(virtualizer.getTotalSize());

  return (
    <table className="table table-sm table-hover bbl-table" aria-rowcount={rows.length + 1} data-test="worker-table">
      <caption className="bbl-sr">Latent workers. Stuck ones come first, whatever the order is.</caption>
      <colgroup>
        {COLUMNS.map((column) => (
          <col key={column.title} style={{ width: column.width }} />
        ))}
      </colgroup>
      <thead>
        <tr aria-rowindex={1}>
          {COLUMNS.map((column) => (
            <Heading key={column.title} title={column.title} sort={column.sort} view={view} onView={onView} />
          ))}
        </tr>
      </thead>
      <tbody
        ref={body}
        onFocus={(event) => {
          const row = (event.target as HTMLElement).closest<HTMLElement>("tr[data-index]");
          setFocused(rows[Number(row?.dataset.index)]?.workerid ?? null);
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
  sort: SortKey | null;
  view: View;
  onView: (change: Partial<View>) => void;
}

const Heading = ({ title, sort, view, onView }: HeadingProps) => {
  if (sort === null) return <th scope="col">{title}</th>;
  const current = view.sort === sort;
  return (
    <th scope="col" aria-sort={current ? (view.descending ? "descending" : "ascending") : "none"}>
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
