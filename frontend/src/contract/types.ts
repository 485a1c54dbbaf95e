/* The answers of REST version 1 by the names that the page has for them. All of them are made from the interface:
   answers.d.ts. Times are epoch seconds. */

import type { components } from "./answers";

type Shapes = components["schemas"];
type Answers = Shapes["Answers"];

/** With fields that an older server does not have, or one that is to come will: a page may outlive the server that it came from. */
type Later<Of, New extends string> = Omit<Of, New> & Partial<Pick<Of, Extract<New, keyof Of>>>;

/** A known word, or one that a newer server has added. */
export type Open<Known extends string> = Known | (string & Record<never, never>);

/** The words that the page has a label, a color or a hatch for. */
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

export type KnownLevel = "ok" | "slow" | "stuck" | "attention" | "failed" | "unknown";
export type Level = Open<KnownLevel>;

export type Build = Shapes["Building"];
export type Verdict = Shapes["Verdict"];
export type Frame = Shapes["Frame"];
export type Pending = Shapes["Pending"];
/** A call that was released and has not ended. */
export type Abandoned = Shapes["Call"];
export type Worker = Later<
  Shapes["Worker"],
  "abandoned" | "refused_open" | "orphans" | "quarantined_until" | "last_sign" | "to_do"
>;
/** What is left to do once a worker was released, or has left an instance behind. */
export type ToDo = Shapes["ToDo"];
export type LeftInstance = Shapes["LeftInstance"];
/** A master that has a worker of the name that was asked for. */
export type WorkerChoice = Shapes["Choice"];
export type WorkersMeta = Later<Shapes["WorkersMeta"], "details" | "clocks_differ_s">;
export interface WorkersAnswer {
  workers: Worker[];
  meta: WorkersMeta;
}
/** Of the ledger: open entries in all, whatever was asked for. */
export type PageMeta = Shapes["Next"] & Partial<Shapes["NextAndOpen"]>;
export type LifecycleEvent = Shapes["Event"];
export type Phase = Shapes["Phase"];
export type Episode = Later<Shapes["Episode"], "start_s" | "connect_s" | "up_s" | "stop_s">;
export type Blocker = Shapes["Blocker"];
export type MasterStop = Later<
  Shapes["MasterStop"],
  "instances_up" | "usual_stop_s" | "usual_unknown" | "limit_s" | "ends_by" | "waits"
>;
export type Step = Shapes["PlannedStep"];
export type Action = Later<Shapes["Action"], "actor_kind" | "instance" | "orphan">;
export type DryRun = Later<Shapes["DryRun"], "builds" | "where">;
export type Orphan = Later<Shapes["Orphan"], "class" | "cause" | "place" | "closed_by_kind" | "times" | "proof"> & {
  /** What the cloud answered last. */
  proof?: { asked: number; answer: Open<"there" | "not_known" | "gone">; text: string | null } | null;
};
/** id, outcome, seconds of start, up and stop, and when it ended; newest last. */
export type RecentEpisode = Recent["episodes"][number];
export type Recent = Shapes["Recent"];
export type PhaseStats = Shapes["PhaseStats"];
export type OutcomeStats = Shapes["OutcomeStats"];
export type StatsAnswer = Answers["GET /stats"];
export type LanePhase = LaneEpisode["phases"][number];
export type LaneBuild = LaneEpisode["builds"][number];
export type LaneEpisode = Shapes["LaneEpisode"];
export type Lane = Shapes["Lane"];
export type Mark = Shapes["Mark"];
export type TimelineAnswer = Answers["GET /timeline"];

/** An instance, as the last census and the master tell it: `name` is empty where nobody knows it. */
export type Instance = Shapes["Instance"];
export type Standing = Instance["standing"];
export type Place = Shapes["Place"];
export type InstancesMeta = Pick<Shapes["CensusMeta"], "total" | "taken" | "taking">;
export interface InstancesAnswer {
  instances: Instance[];
  places: Place[];
  meta: InstancesMeta;
}
/** What the end of an instance would do. */
export interface EndPlan {
  steps: Step[];
  instance?: Instance;
  eligible?: boolean;
  why_not?: string | null;
  code?: string | null;
  warnings?: string[];
}
