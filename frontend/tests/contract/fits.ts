import type {
  Action,
  DryRun,
  Episode,
  LifecycleEvent,
  MasterStop,
  Orphan,
  PageMeta,
  Recent,
  StatsAnswer,
  TimelineAnswer,
  WorkersAnswer,
} from "../../src/contract/types";
import type { Answers } from "./answers";

/* What the interface says that it answers, held against what the page takes it for. Nothing here runs: `tsc` refuses
   the first line that does not fit. */

type Fits<Told extends Wanted, Wanted> = Told;

export type All = [
  Fits<Answers["GET /workers"], WorkersAnswer>,
  Fits<Answers["GET /workers/{worker}"], WorkersAnswer>,
  Fits<Answers["GET /workers/{worker}/events"], { events: LifecycleEvent[]; meta: PageMeta }>,
  Fits<Answers["GET /workers/{worker}/episodes"], { episodes: Episode[]; meta: PageMeta }>,
  Fits<Answers["GET /episodes/{number}"], { episodes: Episode[] }>,
  Fits<Answers["GET /actions"], { actions: Action[]; meta: PageMeta }>,
  Fits<Answers["GET /actions/{number}"], { actions: Action[] }>,
  Fits<Answers["GET /orphans"], { orphans: Orphan[]; meta: PageMeta }>,
  Fits<Answers["POST /orphans/{number}/resolve"], { orphan: Orphan }>,
  Fits<Answers["GET /shutdown"], { shutdown: MasterStop[] }>,
  Fits<Answers["GET /stats"], StatsAnswer>,
  Fits<Answers["GET /recent"], { recent: Recent[] }>,
  Fits<Answers["GET /timeline"], TimelineAnswer>,
  Fits<Answers["POST /workers/{worker}/force-disconnect"], { dry_run: DryRun } | { action: Action }>,
];
