import type { LifecycleEvent } from "../contract/types";
import { duration } from "./durations";
import { clockTime } from "./moments";
import { actorWords, fileName, plain, stateWords } from "./words";

/* What was recorded, as a sentence. A kind that we do not know is shown with all that it carries. */

export interface Told {
  text: string;
  /** Longer text, such as a traceback. */
  detail: string | null;
  tone: "usual" | "notable" | "bad";
}

type Data = Record<string, unknown>;

const word = (value: unknown): string => {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  return typeof value === "number" || typeof value === "boolean" ? String(value) : JSON.stringify(value);
};
const state = (value: unknown) => stateWords(word(value)).label;
const because = (value: unknown) => (word(value) === "" ? "" : `: ${word(value)}`);

function buildOf(data: Data): string {
  const build = data.build;
  if (typeof build !== "object" || build === null) return "a build";
  const { builder, number } = build as Data;
  const name = word(builder) === "" ? "a build" : word(builder);
  return typeof number === "number" ? `${name} #${number}` : name;
}

const usual = (text: string): Told => ({ text, detail: null, tone: "usual" });
const notable = (text: string): Told => ({ text, detail: null, tone: "notable" });

function callEnded(data: Data): Told {
  const call = word(data.call);
  const late = data.late === true ? " late" : "";
  const after = typeof data.elapsed_s === "number" ? ` after ${duration(data.elapsed_s)}` : "";
  const detail = word(data.traceback) === "" ? null : word(data.traceback);
  switch (data.outcome) {
    case "raised":
      return { text: `${call} raised${late}${after}${because(data.error)}`, detail, tone: "bad" };
    case "released":
      return notable(`the wait for ${call} was ended by force${after}`);
    case "false":
      return notable(`${call} ended${late}${after} and said no`);
    default:
      return usual(`${call} ended${late}${after}${because(data.value)}`);
  }
}

function transition(data: Data): Told {
  const text = `${state(data.from)} → ${state(data.to)}`;
  return data.expected === false ? notable(`${text} (not a change that Buildbot's own table has)`) : usual(text);
}

/** What a driver tells of itself while it starts or stops an instance. */
function driverStep({ step, ...details }: Data): Told {
  const rest = Object.entries(details).map(([name, value]) => `${name} ${word(value)}`);
  return usual(`${word(step)}${rest.length === 0 ? "" : ` (${rest.join(", ")})`}`);
}

/** Where in a driver something stood, as a sentence with the innermost place; all places as detail. */
function standing(sentence: string, value: unknown, tone: Told["tone"]): Told {
  const frames = Array.isArray(value) ? (value as Data[]) : [];
  const last = frames[frames.length - 1];
  const place = (frame: Data) => `${word(frame.file)}:${word(frame.line)} ${word(frame.function)}`;
  const where = last === undefined ? "" : ` in ${word(last.function)}, ${fileName(word(last.file))}:${word(last.line)}`;
  return { text: `${sentence}${where}`, detail: frames.length > 1 ? frames.map(place).join("\n") : null, tone };
}

const LIFE: Record<string, string> = {
  message: "the worker sent a message",
  data: "the worker took data",
  answer: "the worker answered the question whether it lives",
};

/** What is used of a worker's configuration. */
function configuration(data: Data): string {
  const seconds = (value: unknown) => (Number(value) < 0 ? "no limit" : duration(Number(value)));
  const parts = [
    typeof data.build_wait_timeout === "number" ? `stays up idle for ${seconds(data.build_wait_timeout)}` : "",
    typeof data.missing_timeout === "number" ? `is awaited for ${seconds(data.missing_timeout)}` : "",
    word(data.machine) === "" ? "" : `on the machine ${word(data.machine)}`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? "" : `: ${parts.join(", ")}`;
}

const times = (value: unknown) => (typeof value === "number" && value > 1 ? ` ${value} times` : "");
const until = (value: unknown) => (typeof value === "number" ? ` until ${clockTime(value)}` : "");

/** What Buildbot gave a build in the place of a worker. */
function noWorker(data: Data): Told {
  const build = buildOf(data);
  switch (data.how) {
    case "cancelled":
      return usual(`the start for ${build} was cancelled${data.stopped === true ? ": the build was stopped" : ""}`);
    case "timeout":
      return { text: `no worker came in time for ${build}`, detail: null, tone: "bad" };
    case "build_refused":
      return notable(`the driver can give ${build} no worker${because(data.error)}`);
    default:
      return { text: `${build} got no worker${because(data.error)}`, detail: null, tone: "bad" };
  }
}

function lastWords(data: Data): Told {
  const instance = word(data.instance) === "" ? "its instance" : `its instance ${word(data.instance)}`;
  const gone = data.gone === true ? `${instance} was gone` : instance;
  const [first, ...log] = word(data.text).split("\n");
  if (first === undefined || first === "") {
    const known = data.gone === true ? gone : `what became of ${instance} is not known${because(data.why)}`;
    return { text: known, detail: null, tone: "bad" };
  }
  return { text: `${gone}: ${first}`, detail: log.length > 0 ? log.join("\n") : null, tone: "bad" };
}

const TOLD: Record<string, (data: Data) => Told> = {
  baseline: (data) => usual(`the recorder found it${word(data.state) === "" ? "" : ` ${state(data.state)}`}`),
  transition,
  asked: (data) => usual(`${buildOf(data)} asked for it`),
  call_started: (data) => usual(`${word(data.call)} was called`),
  call_ended: callEnded,
  attaching: () => usual("attaching"),
  login_waits: () => usual("a connection waits to be let in"),
  login_ended: () => usual("the connection was let in, or has ended"),
  duplicate: (data) =>
    data.rejected === true
      ? notable("turned away: an older connection under the same name is still there")
      : usual("the older connection under the same name is gone"),
  send_blocked: () => notable("does not read what it is sent"),
  send_resumed: () => usual("reads again what it is sent"),
  build_stopping: (data) => usual(`${buildOf(data)} was asked to stop`),
  build_lost: (data) => notable(`Buildbot has lost ${buildOf(data)}: it broke off at an error`),
  ping_waits: (data) => usual(`${word(data.builder) || "a build"} waits for the worker's answer to its ping`),
  ping_ended: () => usual("the ping is over: it was answered, or the connection is gone"),
  sign_of_life: (data) => usual(LIFE[word(data.of)] ?? "the worker was heard"),
  silent: (data) => ({
    text: `asked whether it lives, and has not answered in ${duration(Number(data.seconds))}`,
    detail: null,
    tone: "bad",
  }),
  configured: (data) => usual(`configured${configuration(data)}`),
  login_failed: (data) => ({
    text: `a login with its name failed${times(data.times)}${because(data.reason)}`,
    detail: null,
    tone: "bad",
  }),
  not_substantiated: noWorker,
  quarantine_entered: (data) =>
    notable(`Buildbot starts no build on it${until(data.until)}: a build of it failed to start`),
  quarantine_left: () => usual("its quarantine is over: Buildbot may start builds on it again"),
  quarantine_reset: () => usual("a start went well: the next quarantine is a short one again"),
  graceful: () => notable("asked for a graceful shutdown: it builds no more"),
  shutdown_asked: () => notable("asked to end its worker's process"),
  recording_ended: (data) =>
    notable(
      `recording ended in order while it was ${state(data.state)}: ${data.how === "removed" ? "the service was removed" : "the master was stopped"}`,
    ),
  leaving: (data) =>
    data.with_master === true ? usual("leaves with its master") : notable("is being removed from the configuration"),
  orphan_opened: (data) => notable(`its instance may still run${because(data.why)}`),
  orphan_closed: (data) => usual(`its instance is accounted for${because(data.note)}`),
  attached: (data) => {
    const peer = word(data.peer) === "" ? "" : ` from ${word(data.peer)}`;
    const well = data.failed === undefined || data.failed === null || data.failed === false;
    return well
      ? usual(`attached${peer}`)
      : notable(`attached${peer}, and failed at it${because(data.failed === true ? "" : data.failed)}`);
  },
  place: (data) =>
    usual(
      word(data.place) === ""
        ? "in which cloud its instance is made is not known"
        : `its instances are made in cloud ${word(data.place)}`,
    ),
  last_words: lastWords,
  step: driverStep,
  detached: (data) => usual(data.by_master === true ? "detached: the master closed the connection" : "detached"),
  refused: (data) => ({
    text: `connection from ${word(data.peer)} refused${because(data.reason)}`,
    detail: null,
    tone: "bad",
  }),
  refused_closed: (data) =>
    usual(
      `refused connection from ${word(data.peer)} closed${data.delivered === true ? "; its disconnection was delivered" : ""}`,
    ),
  build_started: (data) => usual(`${buildOf(data)} started`),
  build_finished: (data) => usual(`${buildOf(data)} finished`),
  connected: () => usual("connected"),
  disconnected: () => usual("disconnected"),
  missing: () => notable("missing: Buildbot has given up on it"),
  paused: (data) => notable(`paused${because(data.reason)}`),
  unpaused: () => usual("unpaused"),
  removed: () => notable("removed from the configuration"),
  where: (data) => standing(`${word(data.call)} hangs`, data.where, "notable"),
  clock: (data) =>
    notable(
      data.what === "stopped"
        ? `the master did not run for ${duration(Number(data.seconds))}: that time counts for nothing`
        : `the master's clock was ${Number(data.seconds) < 0 ? "put back" : "put forward"} by ${duration(
            Math.abs(Number(data.seconds)),
          )}`,
    ),
  reactor_blocked: (data) =>
    standing(`the master stood still for ${duration(Number(data.seconds))}`, data.where, "bad"),
  action: (data) =>
    notable(
      `${plain(word(data.what))} by ${actorWords(word(data.actor), word(data.actor_kind))}${because(data.reason)}${word(data.outcome) === "" ? "" : ` (${word(data.outcome)})`}`,
    ),
  master_died: () => ({ text: "its master died", detail: null, tone: "bad" }),
  gap: (data) => notable(`${word(data.dropped)} events are missing here: the recorder could not keep up`),
};

export function tell(event: LifecycleEvent): Told {
  const known = TOLD[event.kind];
  if (known !== undefined) return known(event.data);
  const rest = JSON.stringify(event.data);
  return usual(`${plain(event.kind)}${rest === "{}" ? "" : ` ${rest}`}`);
}
