import type { Level, State, Worker } from "../contract/types";

/* What the page calls things. The sets are open: what a newer server adds is shown by its own name. */

interface Words {
  label: string;
  gloss: string;
}

const STATES: Record<string, Words> = {
  not_substantiated: { label: "not substantiated", gloss: "no instance" },
  substantiating: { label: "substantiating", gloss: "waits for its turn to start" },
  substantiating_starting: { label: "substantiating, starting", gloss: "starts the instance" },
  substantiated: { label: "substantiated", gloss: "instance is up" },
  insubstantiating: { label: "insubstantiating", gloss: "stops the instance" },
  insubstantiating_substantiating: {
    label: "insubstantiating, substantiating",
    gloss: "stops; a build waits behind it",
  },
  shut_down: { label: "shut down", gloss: "with its master" },
  unknown: { label: "unknown", gloss: "its master is not up" },
};

export const KNOWN_STATES = Object.keys(STATES);
export const KNOWN_LEVELS = ["stuck", "attention", "failed", "unknown", "slow", "ok"];

export function plain(word: string): string {
  return word.replaceAll("_", " ");
}

/** What an action is called where it begins a line. */
export function actWords({ what }: { what: string }): string {
  const text = plain(what).replaceAll("-", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function stateWords(state: State): Words {
  return STATES[state] ?? { label: plain(state), gloss: "" };
}

/** A text of the server's, with the names of states as the page calls them. */
export function worded(text: string): string {
  return text.replace(/\b(?:not_|in)?substantiat\w+/g, (state) => stateWords(state).label);
}

/** Every code that docs/reading-the-page names has its words here: a test holds it to that. */
const CODES: Record<string, string> = {
  healthy: "healthy",
  stop_pending: "stop is pending",
  start_pending: "start is pending",
  check_pending: "check is pending",
  machine_pending: "its machine is starting or stopping",
  pending_before_us: "a call was pending before recording began",
  half_insubstantiated: "its stop broke off half way",
  reconfig_frozen: "a reconfiguration waits for it",
  state_overdue: "too long in one state",
  substantiation_queued: "a build waits behind the stop",
  never_connected: "no worker has connected",
  frozen_attach: "silent before it was attached",
  frozen_worker: "does not answer",
  rejected_loop: "comes back after its stop, and is refused",
  stale_connection: "a connection is left over",
  duplicate_arbitration: "an older connection keeps the worker out",
  not_over: "released, and something is left to do",
  stop_failed: "its stop failed",
  start_failed: "its start failed",
  start_failed_loop: "starts fail again and again",
  crash_open: "was up when its master died",
  master_died: "its master died",
  recording_ended: "recording ended while it was active",
  unreadable: "what was written of it cannot be read",
  build_lost: "Buildbot has lost its build, which never ends",
  build_forgotten: "Buildbot has forgotten a build that waits for it",
  unasked_instance: "no build asks for its instance",
  worker_left: "its worker left by itself",
  shut_down_gracefully: "was shut down gracefully, and builds no more",
  quarantined: "gets no builds for a while",
};

export function codeWords(code: string): string {
  return CODES[code] ?? plain(code);
}

/** The verdicts in words, for who reads one of them. */
const LEVELS: Record<string, string> = {
  stuck: "unlikely to recover on its own",
  attention: "released or failed, and something is left to do",
  failed: "the last start or stop went wrong",
  unknown: "its master is not there to ask",
  slow: "more than half of its limit is over",
  ok: "no call has been pending for long",
};

export function levelGloss(level: Level): string {
  return LEVELS[level] ?? "";
}

/** Lower is worse. A level that we do not know is not taken for healthy. */
export function severity(level: Level): number {
  const rank = KNOWN_LEVELS.indexOf(level);
  return rank === -1 ? KNOWN_LEVELS.indexOf("unknown") : rank;
}

const BLOCKERS: Record<string, string> = {
  stop_instance: "stop_instance has not ended",
  start_instance: "start_instance has not ended",
  check_instance: "check_instance has not ended",
  start_machine: "start_machine has not ended",
  stop_machine: "stop_machine has not ended",
  refused_connection: "a refused connection is held",
  connection: "its connection does not end",
  build: "a build runs",
  build_lost: "Buildbot has lost a build",
  state: "it is between two states",
};

export function blockerWords(what: string): string {
  return BLOCKERS[what] ?? plain(what);
}

const OUTCOMES: Record<string, string> = {
  ok: "ended well",
  start_failed: "start failed",
  stop_failed: "stop failed",
  never_connected: "never connected",
  released: "released by force",
  cancelled: "cancelled",
  build_refused: "no worker for this build",
  lost: "lost: its instance or worker went away by itself",
  unknown: "end not seen",
};

export function outcomeWords(outcome: string | null): string {
  if (outcome === null) return "open";
  return OUTCOMES[outcome] ?? plain(outcome);
}

const STATUSES: Record<string, string> = {
  asked: "asked, no answer yet",
  done: "done",
  failed: "failed",
  refused: "refused",
};

export function statusWords(status: string): string {
  return STATUSES[status] ?? plain(status);
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

export function list(items: readonly string[]): string {
  if (items.length <= 1) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items[items.length - 1] ?? ""}`;
}

export function clipped(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}…`;
}

/** Who did it. A user may have any name, that of a policy too: only the kind says what the name is of. An older server does
 *  not tell the kind. */
export function actorWords(actor: string, kind: string | undefined): string {
  switch (kind) {
    case "anonymous":
      return "somebody who was not logged in";
    case "policy":
      return `the policy ${actor.replace(/^policy:/, "")}`;
    case "shutdown":
      return "the stop of the master";
    case "reconfig":
      return "a reconfiguration";
    case "late_end":
      return "a late success of the abandoned stop";
    case "stop":
      return "the stop that followed";
    case "driver":
      return "the driver's own proof";
    default:
      return actor;
  }
}

/** Whether the row's reason says already that Buildbot starts no build on it: that of a failed start does. */
export function reasonTellsQuarantine({ verdict }: Worker): boolean {
  return verdict.level !== "ok" && verdict.code.startsWith("start_failed");
}

/** Refused connections: what is open now, and what was refused so far. Empty where there was none. */
export function refusedWords({ refused, held, refused_open }: Worker): string {
  // An older server, and another master, do not tell which of them are open.
  const open = refused_open ?? null;
  if (open === null)
    return refused === 0 && held === 0 ? "" : `${count(Math.max(refused, held), "connection")} refused so far`;
  if (open === 0) return refused === 0 ? "" : `${count(refused, "connection")} refused so far, none open now`;
  return `${count(open, "refused connection")} open now, ${Math.max(open, refused).toLocaleString("en")} refused so far`;
}

/** Of when what is told of a worker is, if its master is not up to tell more; null while it is. */
export function toldAt({ live, updated_at }: Worker): number | null {
  return live ? null : updated_at;
}

/** The last part of a path. */
export const fileName = (path: string) => path.slice(path.lastIndexOf("/") + 1);
