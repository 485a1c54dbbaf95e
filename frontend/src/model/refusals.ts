import type { DryRun, Worker } from "../contract/types";
import { duration } from "./durations";
import { stateWords } from "./words";

/* An answer other than yes, in words: what it means and what to do next. */

export interface Refusal {
  title: string;
  text: string;
  /** What the page offers: look again, or try the same again. */
  next: "reload" | "retry" | "close";
}

interface Failure {
  status: number;
  code: string;
  message: string;
  details: Record<string, unknown>;
}

/** The server's words as a sentence, since another one follows. */
function sentence(text: string): string {
  const whole = text.replace(/^[a-z](?=[a-z]*[ ,])/, (first) => first.toUpperCase());
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

const number = (value: unknown) => (typeof value === "number" ? value : null);

export function explainForce(failure: Failure): Refusal {
  const { status, code, details } = failure;
  const message = sentence(failure.message);
  if (status === 0) {
    return {
      title: "No answer",
      text: `${message} It may or may not have been done: the list of actions on the worker's page says which. Look again before you repeat it.`,
      next: "reload",
    };
  }
  if (status === 401)
    return {
      title: "Not logged in",
      text: `${message} Log in at the top right, then try again. Nothing was done.`,
      next: "close",
    };
  if (code === "bad_origin") {
    return {
      title: "Not allowed from this address",
      text: `${message} Open Buildbot at its configured address, or add this one to www['allowed_origins']. Nothing was done.`,
      next: "close",
    };
  }
  if (status === 403)
    return {
      title: "Not allowed",
      text: `${message} An administrator can grant it in authz. Nothing was done.`,
      next: "close",
    };
  if (status === 404)
    return {
      title: "No such worker",
      text: `${message} It is no longer a latent worker of this Buildbot.`,
      next: "close",
    };
  if (status === 412) {
    return {
      title: "Already gone on",
      text: `${message} The worker is in another episode than the one that you looked at. Nothing was done.`,
      next: "reload",
    };
  }
  if (status === 409)
    return { title: "Not eligible", text: `${message}${factsOf(details)} Nothing was done.`, next: "reload" };
  if (status === 503)
    return {
      title: "The recorder cannot write now",
      text: `${message} What cannot be recorded is not done. Nothing was done.`,
      next: "retry",
    };
  if (status >= 500) {
    return {
      title: "Buildbot failed at it",
      text: `${message} It may or may not have been done: the list of actions on the worker's page says which.`,
      next: "reload",
    };
  }
  return { title: "Not accepted", text: `${message} Nothing was done.`, next: "retry" };
}

/** The same of the end of an instance. */
export function explainEnd(failure: Failure): Refusal {
  const message = sentence(failure.message);
  if (failure.status === 404)
    return {
      title: "No such instance",
      text: `${message} Nothing tells of it any more: it may be gone. Take a census to know.`,
      next: "close",
    };
  if (failure.status === 409)
    return { title: "It cannot be ended now", text: `${message} Nothing was done.`, next: "reload" };
  if (failure.status === 412) return { ...explainForce(failure), text: `${message} Nothing was done.` };
  return explainForce(failure);
}

function factsOf(details: Record<string, unknown>): string {
  const seconds = number(details.age_s);
  const threshold = number(details.threshold_s);
  if (typeof details.state !== "string" || seconds === null) return "";
  const limit = threshold === null ? "" : `; it counts as stuck after ${duration(threshold)}`;
  return ` It is ${stateWords(details.state).label} for ${duration(seconds)}${limit}.`;
}

/** The override is for a worker that is not stuck yet. It is not a way to take a worker from its build. */
export function mayOverride(plan: DryRun, worker: Worker): boolean {
  const busy = worker.state === "substantiated" && worker.building.length > 0 && worker.pending === null;
  return !plan.eligible && plan.code === "not_eligible" && !busy;
}

/** Whether the worker is paused afterwards: as the reader said, or else as the dry run found it configured. */
export function pausesAfterwards(plan: DryRun | null, said: boolean | null): boolean {
  if (said !== null) return said;
  return plan === null || plan.steps.length === 0 || plan.steps.some((step) => step.step === "pause");
}

/** Why the page has nothing to show, and the next step. */
export function explainPage(failure: Failure): { title: string; text: string } {
  const { status, code } = failure;
  const message = sentence(failure.message);
  if (status === 0) return { title: "Buildbot does not answer", text: `${message} The page tries again by itself.` };
  if (status === 401)
    return { title: "Not logged in", text: `${message} Log in at the top right to see the latent workers.` };
  if (status === 403) return { title: "Not allowed", text: `${message} An administrator can grant it in authz.` };
  // The master says which line of master.cfg is missing, or what keeps the recorder from its work.
  if (code === "not_ready") return { title: "The recorder is not running", text: failure.message };
  if (status === 404) return { title: "Nothing here", text: message };
  return {
    title: "Buildbot failed at it",
    text: `${message} twistd.log of the master says more. The page tries again by itself.`,
  };
}
