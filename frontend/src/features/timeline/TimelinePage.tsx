import React, { useCallback, useEffect, useId, useMemo, useState } from "react";
import { useNavigate, useSearchParams } from "react-router-dom";
import { serverNow } from "../../server/clock";
import { settings } from "../../host/settings";
import { Behind } from "../../ui/Banners";
import { FailedPage } from "../../ui/FailedPage";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";
import { LaneChart } from "./LaneChart";
import { LaneTable } from "./LaneTable";
import { Filters } from "../workers/Filters";
import { Patterns, patternId } from "../../ui/patterns";
import { useFleet } from "../../hooks/useShared";
import { useTicking } from "../../hooks/useTicking";
import { useTimeline } from "./useTimeline";
import { useView } from "../../hooks/useView";
import { arrange, isFiltered } from "../../model/arrange";
import { episodeRoute } from "../../model/links";
import { ALL_LOOKS, UNNAMED } from "../../model/looks";
import {
  RANGES,
  moved,
  rangeSeconds,
  readSpan,
  writeSpan,
  zoomCentre,
  zoomed,
  type RangeName,
  type Span,
} from "../../model/ranges";
import { stateWords } from "../../model/words";

/** So few workers are asked for by name; of more, all. */
const FEW = 40;
const SETTLED_MS = 400;

export const TimelinePage = () => {
  const fleet = useFleet();
  const [view, setView] = useView();
  const navigate = useNavigate();
  const [{ range, fixed }, setSpan] = useSpan();
  const rolling = useRolling(rangeSeconds(range));
  const span = fixed ?? rolling;

  // Stuck ones first, then by name: lanes that changed places by themselves could not be followed.
  const workers = useMemo(
    () => arrange(fleet.workers, { ...view, sort: "name", descending: false }),
    [fleet.workers, view],
  );
  const filtered = isFiltered(view);
  const ids = [...new Set(workers.map((worker) => worker.workerid))].sort((a, b) => a - b);
  const few = filtered && ids.length <= FEW ? ids.join() : "";
  const wanted = useMemo(() => (few === "" ? null : few.split(",").map(Number)), [few]);
  const { known, failure, loading } = useTimeline(span, wanted);
  const open = useCallback(
    (episode: number) => {
      navigate(episodeRoute(episode));
    },
    [navigate],
  );

  return (
    <Page
      name="timeline"
      title="Timeline"
      route="/lifecycle/timeline"
      wide={true}
      failure={known === null ? null : failure}
    >
      {fleet.meta !== null && <Behind meta={fleet.meta} />}
      <Filters workers={fleet.workers} shown={workers.length} view={view} onView={setView} />
      <Ranges
        range={range}
        fixed={fixed}
        span={span}
        onSpan={setSpan}
        loading={loading}
        lost={fleet.failure !== null}
      />
      {known === null && failure === null && (
        <p className="bbl-loading" role="status" data-test="loading">
          Loading the timeline…
        </p>
      )}
      {known === null &&
        failure !== null &&
        fleet.failure === null &&
        (failure.status === 404 ? (
          <Notice kind="light" title="Not available" test="timeline-absent">
            This Buildbot does not tell the timeline of all workers. Each worker's own page has its episodes.
          </Notice>
        ) : (
          <FailedPage failure={failure} />
        ))}
      {known?.truncated === true && (
        <Notice kind="warning" title="Not all is shown" test="truncated">
          Only the newest episodes of this time are here. Zoom in, choose a shorter time, or filter, to see the others.
        </Notice>
      )}
      {known !== null && workers.length === 0 && (
        <Notice kind="light" title={filtered ? "No worker matches" : "No latent workers"} test="no-match">
          {filtered ? "Clear the filter to see them all." : "There is nothing to draw yet."}
        </Notice>
      )}
      {known !== null && workers.length > 0 && (
        <>
          <LaneChart
            workers={workers}
            lanes={known.lanes}
            masterMarks={known.masterMarks}
            span={span}
            onSpan={(next) => {
              setSpan(range, next);
            }}
            onOpen={open}
          />
          <Legend />
          <LaneTable workers={workers} lanes={known.lanes} span={span} />
        </>
      )}
    </Page>
  );
};

/** The last so many seconds, moving on as time does. */
function useRolling(seconds: number): Span {
  const step = Math.max(1, Math.round(seconds / 1_000));
  const end = Number(useTicking(useCallback((now: number) => String(Math.ceil(now / step) * step), [step])));
  return useMemo(() => ({ since: end - seconds, until: end + seconds * 0.01 }), [end, seconds]);
}

/** What is looked at: at once for the drawing, and in the address once it has come to rest. */
function useSpan() {
  const [query, setQuery] = useSearchParams();
  const asked = useMemo(() => readSpan(query, settings().range), [query]);
  const [moving, setMoving] = useState<{ range: RangeName; fixed: Span | null } | null>(null);
  useEffect(() => {
    if (moving === null) return;
    const timer = setTimeout(() => {
      setQuery((now) => writeSpan(now, moving.range, moving.fixed), { replace: true });
      setMoving(null);
    }, SETTLED_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [moving, setQuery]);
  const set = useCallback((range: RangeName, fixed: Span | null) => {
    setMoving({ range, fixed });
  }, []);
  return [moving ?? asked, set] as const;
}

interface RangesProps {
  range: RangeName;
  fixed: Span | null;
  span: Span;
  onSpan: (range: RangeName, fixed: Span | null) => void;
  loading: boolean;
  lost: boolean;
}

const Ranges = ({ range, fixed, span, onSpan, loading, lost }: RangesProps) => {
  const length = span.until - span.since;
  const moves: [test: string, label: string, text: string, next: () => Span][] = [
    ["earlier", "Earlier", "◀", () => moved(span, -length / 2, serverNow())],
    ["zoom-out", "Zoom out", "−", () => zoomed(span, 2, zoomCentre(span, serverNow()), serverNow())],
    ["zoom-in", "Zoom in", "+", () => zoomed(span, 0.5, zoomCentre(span, serverNow()), serverNow())],
    ["later", "Later", "▶", () => moved(span, length / 2, serverNow())],
  ];
  return (
    <div className="bbl-ranges">
      <div className="btn-group" role="group" aria-label="How far back">
        {RANGES.map(({ name }) => (
          <button
            key={name}
            type="button"
            className={`btn btn-sm ${fixed === null && range === name ? "btn-secondary" : "btn-outline-secondary"}`}
            aria-pressed={fixed === null && range === name}
            data-test="range"
            data-range={name}
            onClick={() => {
              onSpan(name, null);
            }}
          >
            {name}
          </button>
        ))}
      </div>
      <div className="btn-group" role="group" aria-label="Move and zoom">
        {moves.map(([test, label, text, next]) => (
          <button
            key={test}
            type="button"
            className="btn btn-sm btn-outline-secondary"
            aria-label={label}
            title={label}
            data-test={test}
            onClick={() => {
              onSpan(range, next());
            }}
          >
            {text}
          </button>
        ))}
      </div>
      <span role="status" className="bbl-muted">
        {loading ? "loading…" : fixed !== null ? "fixed range" : lost ? "up to the last answer" : "up to now"}
      </span>
    </div>
  );
};

const MARKS: [shape: string, className: string, label: string][] = [
  ["M8 1l6 11H2z", "bbl-mark-bad", "failure"],
  ["M8 1l6 6-6 6-6-6z", "bbl-mark-force", "force disconnect"],
  ["M8 1l6 6-6 6-6-6z", "bbl-mark-release", "release at shutdown"],
  ["M4 2l9 5-9 5z", "bbl-mark-master", "master started"],
  ["M4 3h8v8H4z", "bbl-mark-master", "master stopped"],
];

const Legend = () => {
  const base = useId().replaceAll(":", "");
  return (
    <ul className="bbl-legend" aria-label="Legend of the timeline">
      {ALL_LOOKS.filter(([state]) => state !== UNNAMED).map(([state]) => (
        <li key={state}>
          <svg width="22" height="14" aria-hidden="true">
            <Patterns base={`${base}${state}`} />
            <rect width="22" height="14" fill={`url(#${patternId(`${base}${state}`, state)})`} className="bbl-bar" />
          </svg>{" "}
          {stateWords(state).label}
        </li>
      ))}
      <li>
        <svg width="22" height="14" aria-hidden="true">
          <rect y="9" width="22" height="5" className="bbl-bar bbl-build" />
        </svg>{" "}
        build
      </li>
      <li>
        <svg width="22" height="14" aria-hidden="true">
          <rect y="2" width="22" height="3" className="bbl-mark-bad" />
        </svg>{" "}
        the episode went wrong
      </li>
      {MARKS.map(([shape, className, label]) => (
        <li key={label}>
          <svg width="16" height="14" aria-hidden="true">
            <path d={shape} className={className} />
          </svg>{" "}
          {label}
        </li>
      ))}
    </ul>
  );
};
