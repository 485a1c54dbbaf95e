import type { DryRun, Episode, Instance, Place, Verdict, Worker, WorkersMeta } from "../src/contract/types";

/* Workers in the situations that operators meet. `NOW` is fixed. */

export const NOW = 1_800_000_000;

export const verdict = (change: Partial<Verdict> = {}): Verdict => ({
  level: "ok",
  code: "healthy",
  reason: "Nothing is pending.",
  since: null,
  threshold_s: null,
  ...change,
});

export const idle = (change: Partial<Worker> = {}): Worker => ({
  workerid: 1,
  name: "ec2-1",
  masterid: 1,
  master: "ci",
  class: "EC2LatentWorker",
  state: "not_substantiated",
  state_since: NOW - 3600,
  connected: false,
  building: [],
  paused: false,
  pause_reason: null,
  episode: null,
  instance: null,
  pending: null,
  refused: 0,
  held: 0,
  verdict: verdict(),
  forceable: false,
  live: true,
  updated_at: NOW - 3600,
  ...change,
});

export const stopHangs = (change: Partial<Worker> = {}): Worker =>
  idle({
    workerid: 3,
    name: "ec2-3",
    state: "insubstantiating",
    state_since: NOW - 720,
    episode: 17,
    instance: "i-0abc",
    pending: { call: "stop_instance", since: NOW - 720, where: [] },
    verdict: verdict({
      level: "stuck",
      code: "stop_pending",
      reason: "stop_instance has not ended for 12 min.",
      since: NOW - 420,
      threshold_s: 300,
    }),
    forceable: true,
    ...change,
  });

export const stopping = (change: Partial<Worker> = {}): Worker =>
  stopHangs({
    workerid: 4,
    name: "ec2-4",
    state_since: NOW - 20,
    pending: { call: "stop_instance", since: NOW - 20, where: [] },
    verdict: verdict({ threshold_s: 300 }),
    forceable: false,
    ...change,
  });

export const building = (change: Partial<Worker> = {}): Worker =>
  idle({
    workerid: 5,
    name: "ec2-5",
    state: "substantiated",
    connected: true,
    episode: 18,
    building: [{ buildid: 9, builderid: 2, builder: "runtests", number: 44, since: NOW - 60 }],
    ...change,
  });

export const meta = (change: Partial<WorkersMeta> = {}): WorkersMeta => ({
  total: 1,
  now: NOW,
  behind: { events: 0, since: null },
  can_force: true,
  user: "amber",
  ...change,
});

export const plan = (change: Partial<DryRun> = {}): DryRun => ({
  eligible: true,
  why_not: null,
  code: null,
  steps: [
    { step: "pause", target: "ec2-3", text: "Pause the worker", done: null, detail: null },
    { step: "end_wait", target: "stop_instance", text: "End the wait for stop_instance", done: null, detail: null },
  ],
  warnings: ["The instance i-0abc may run on and cost money."],
  episode: 17,
  verdict: stopHangs().verdict,
  instance: "i-0abc",
  build: null,
  ...change,
});

export const episode = (change: Partial<Episode> = {}): Episode => ({
  id: 17,
  workerid: 3,
  worker: "ec2-3",
  masterid: 1,
  started_at: NOW - 1000,
  ended_at: NOW - 900,
  outcome: "ok",
  failure: null,
  instance: null,
  build: null,
  phases: [
    { state: "substantiating_starting", since: NOW - 1000, until: NOW - 960 },
    { state: "substantiated", since: NOW - 960, until: NOW - 910 },
    { state: "insubstantiating", since: NOW - 910, until: NOW - 900 },
  ],
  connected_at: NOW - 960,
  builds: 1,
  ...change,
});

/** One that a healthy worker owns. */
export const instance = (change: Partial<Instance> = {}): Instance => ({
  id: "1-00aa",
  name: "i-0aa",
  masterid: 1,
  workerid: 1,
  worker: "ec2-1",
  class: "EC2LatentWorker",
  place: "EC2 eu-west-1",
  state: "up",
  standing: "up",
  why: null,
  born: NOW - 600,
  kind: "m5.large",
  cost: null,
  link: null,
  orphan: null,
  episode: null,
  seen: NOW - 10,
  endable: false,
  why_not: "healthy",
  ...change,
});

export const nobodys = (change: Partial<Instance> = {}): Instance =>
  instance({
    id: "1-00bb",
    name: "i-0bb",
    workerid: null,
    worker: null,
    standing: "nobodys",
    endable: true,
    why_not: null,
    ...change,
  });

export const place = (change: Partial<Place> = {}): Place => ({
  place: "EC2 eu-west-1",
  class: "EC2LatentWorker",
  asked: NOW - 10,
  took_s: 0.4,
  count: 1,
  error: null,
  can_list: true,
  ...change,
});
