/* The shapes of REST version 1. Times are epoch seconds. Words that the server may add to are open sets. */

/** A known word, or one that a newer server has added. */
export type Open<Known extends string> = Known | (string & Record<never, never>);

export type KnownState =
  | "not_substantiated"
  | "substantiating"
  | "substantiating_starting"
  | "substantiated"
  | "insubstantiating"
  | "insubstantiating_substantiating"
  | "shut_down"
  | "unknown";
export type State = Open<KnownState>;

export type KnownLevel = "ok" | "slow" | "stuck" | "failed" | "unknown";
export type Level = Open<KnownLevel>;

export interface Build {
  buildid: number | null;
  builderid: number | null;
  builder: string;
  number: number | null;
  /** Told of builds that go on. */
  since?: number;
}

export interface Verdict {
  level: Level;
  code: string;
  reason: string;
  since: number | null;
  threshold_s: number | null;
}

export interface Frame {
  file: string;
  line: number;
  function: string;
}

export interface Pending {
  call: string;
  since: number;
  where: Frame[];
}

/** A call that was released and has not ended. */
export interface Abandoned {
  call: string;
  since: number;
}

export interface Worker {
  workerid: number;
  name: string;
  masterid: number;
  master: string;
  class: string;
  state: State;
  state_since: number | null;
  connected: boolean;
  building: Build[];
  paused: boolean;
  pause_reason: string | null;
  episode: number | null;
  instance: string | null;
  pending: Pending | null;
  /** Null where it is not known; not there on an older server. */
  abandoned?: Abandoned[] | null;
  refused: number;
  held: number;
  /** Refused connections that are open now. Null where it is not known; not there on an older server. */
  refused_open?: number | null;
  /** Buildbot starts no build on it until then. Null where there is none or it is not known; not on an older server. */
  quarantined_until?: number | null;
  /** When it was last heard. Null if never, or not known; not on an older server. */
  last_sign?: number | null;
  verdict: Verdict;
  forceable: boolean;
  live: boolean;
  updated_at: number;
  /** Open entries of the ledger; not there on an older server. */
  orphans?: number;
}

export interface WorkersMeta {
  total: number;
  now: number;
  behind: { events: number; since: number | null };
  can_force: boolean;
  /** Whether this client sees any details; if not, texts of drivers and people are summarised. */
  details?: boolean;
  user: string | null;
}

export interface WorkersAnswer {
  workers: Worker[];
  meta: WorkersMeta;
}

export interface PageMeta {
  next: string | null;
  /** Of the ledger: open entries in all, whatever was asked for. Not there on an older server. */
  open?: number;
}

export interface LifecycleEvent {
  id: number;
  workerid: number;
  masterid: number;
  episode: number | null;
  kind: string;
  at: number;
  data: Record<string, unknown>;
}

export interface Phase {
  state: State;
  since: number;
  until: number | null;
}

export interface Episode {
  id: number;
  workerid: number;
  worker: string;
  masterid: number;
  started_at: number;
  ended_at: number | null;
  outcome: Open<
    | "ok"
    | "start_failed"
    | "stop_failed"
    | "never_connected"
    | "released"
    | "cancelled"
    | "build_refused"
    | "lost"
    | "unknown"
  > | null;
  failure: { call: string; error: string; traceback: string | null } | null;
  instance: string | null;
  build: Build | null;
  phases: Phase[];
  connected_at: number | null;
  builds: number;
  /** Seconds of start_instance itself, from its end to the worker, up, and of stop_instance itself. Not on an older server. */
  start_s?: number | null;
  connect_s?: number | null;
  up_s?: number | null;
  stop_s?: number | null;
}

export interface Blocker {
  workerid: number;
  worker: string;
  what: string;
  since: number;
  releasable: boolean;
  release_in_s: number | null;
  text: string;
}

export interface MasterStop {
  masterid: number;
  master: string;
  live: boolean;
  stopping_since: number | null;
  /** What a stop stops first, how long the slowest usually takes, and of how many that is not known. Not on an older server. */
  instances_up?: number;
  usual_stop_s?: number | null;
  usual_unknown?: number;
  blockers: Blocker[];
}

export interface Step {
  step: string;
  target: string;
  text: string;
  done: boolean | null;
  detail: string | null;
}

export interface Action {
  id: number;
  workerid: number;
  worker: string;
  masterid: number;
  episode: number | null;
  what: string;
  actor: string;
  /** Not there on an older server. */
  actor_kind?: Open<"user" | "anonymous" | "policy" | "shutdown" | "reconfig">;
  reason: string;
  at: number;
  status: Open<"asked" | "done" | "failed" | "refused">;
  finished_at: number | null;
  steps: Step[];
  outcome: string | null;
  /** At that time; null of one that was not about a verdict. */
  verdict: Verdict | null;
  pause: boolean;
  override: boolean;
}

export interface DryRun {
  eligible: boolean;
  why_not: string | null;
  code: string | null;
  steps: Step[];
  warnings: string[];
  episode: number | null;
  verdict: Verdict;
  instance: string | null;
  build: Build | null;
  /** All that would be disturbed. Not there on an older server. */
  builds?: Build[];
}

export interface Orphan {
  id: number;
  workerid: number;
  worker: string;
  masterid: number;
  episode: number | null;
  instance: string | null;
  opened_at: number;
  why: string;
  closed_at: number | null;
  closed_by: string | null;
  /** Not there on an older server. */
  closed_by_kind?: Open<"user" | "anonymous" | "late_end" | "driver" | "stop"> | null;
  /** How often it was told. Not there on an older server. */
  times?: number;
  note: string | null;
}

/** id, outcome, seconds of start, up and stop, and when it ended; newest last. */
export type RecentEpisode = [
  id: number,
  outcome: string | null,
  start: number | null,
  up: number | null,
  stop: number | null,
  ended: number | null,
];

export interface Recent {
  workerid: number;
  episodes: RecentEpisode[];
}

export interface PhaseStats {
  workerid: number | null;
  worker: string | null;
  class: string;
  phase: Open<"start" | "connect" | "up" | "stop">;
  count: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  max: number | null;
  /** Upper bound in seconds and how many fell below it and above the one before. */
  buckets: [upper: number, count: number][];
  threshold_s: number | null;
}

export interface OutcomeStats {
  workerid: number | null;
  worker: string | null;
  class: string;
  count: number;
  ok: number;
  failed: number;
  released: number;
  unknown: number;
  success_rate: number | null;
}

export interface StatsAnswer {
  stats: PhaseStats[];
  outcomes: OutcomeStats[];
  meta: { since: number; until: number; total: number; truncated?: boolean };
}

export type LanePhase = [state: State, since: number, until: number | null];
export type LaneBuild = [
  since: number,
  until: number | null,
  builder: string,
  number: number | null,
  builderid: number | null,
];

export interface LaneEpisode {
  id: number;
  outcome: string | null;
  phases: LanePhase[];
  builds: LaneBuild[];
}

export interface Lane {
  workerid: number;
  worker: string;
  masterid: number;
  episodes: LaneEpisode[];
}

export interface Mark {
  at: number;
  kind: Open<"force" | "shutdown-release" | "master_start" | "master_stop" | "master_died" | "failure">;
  workerid: number | null;
  masterid: number;
  text: string;
}

export interface TimelineAnswer {
  lanes: Lane[];
  marks: Mark[];
  meta: { since: number; until: number; truncated: boolean };
}
