import { parseLong } from "./parse";
import type { Action, DryRun, EndPlan, Orphan, PageMeta } from "../contract/types";
import type { Which } from "../model/key";
import { nextQuery } from "../model/links";
import type { Pausing } from "../model/pausing";

/** Why a request brought no answer to use. `status` is 0 when no answer came at all. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: Record<string, unknown>;

  constructor(status: number, code: string, message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.name = "ApiFailure";
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

export function asFailure(error: unknown): ApiFailure {
  return error instanceof ApiFailure ? error : new ApiFailure(0, "unexpected", String(error));
}

const ANSWER_WITHIN_MS = 30_000;
/* A cloud is asked on the way. */
const CLOUD_WITHIN_MS = 90_000;

export function apiUrl(path: string): string {
  return new URL(`plugins/lifecycle/api/v1/${path}`, window.location.href).href;
}

async function request(
  path: string,
  init: RequestInit,
  plural?: string,
  withinMs = ANSWER_WITHIN_MS,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const clock = new AbortController();
  const timer = setTimeout(() => {
    clock.abort();
  }, withinMs);
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(apiUrl(path), { ...init, cache: "no-store", signal: clock.signal });
    body = await (
      plural === undefined ? response.json() : response.arrayBuffer().then((bytes) => parseLong(bytes, plural))
    ).catch(() => null);
  } catch {
    throw clock.signal.aborted
      ? new ApiFailure(0, "timeout", `Buildbot did not answer within ${withinMs / 1000} s.`)
      : new ApiFailure(0, "network", "Buildbot could not be reached.");
  } finally {
    clearTimeout(timer);
  }
  const fields = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : null;
  if (response.ok && fields !== null) return { status: response.status, body: fields };
  if (fields !== null && typeof fields.error === "string") {
    const code = typeof fields.code === "string" ? fields.code : "unknown";
    throw new ApiFailure(response.status, code, fields.error, fields);
  }
  throw new ApiFailure(response.status, "not_json", `Buildbot answered with status ${response.status}.`);
}

/** The caller names the shape; the contract of the API is what stands behind it. */
export async function get<Answer>(path: string): Promise<Answer> {
  const { body } = await request(path, { headers: { Accept: "application/json" } });
  return body as Answer;
}

/** The same, where the answer may have thousands of rows under `plural`. */
export async function getMany<Answer>(path: string, plural: string): Promise<Answer> {
  const { body } = await request(path, { headers: { Accept: "application/json" } }, plural);
  return body as Answer;
}

export interface All<Item> {
  items: Item[];
  /** There are more than were fetched. */
  cut: boolean;
  /** Of the ledger: how many entries are open in all, whatever was asked for. */
  open: number | null;
}

const MOST = 5_000;

/** All pages of a history, one after another. */
export async function getAll<Item>(what: string, query: string): Promise<All<Item>> {
  const items: Item[] = [];
  let open: number | null = null;
  let next: string | null = query;
  while (next !== null && items.length < MOST) {
    const { meta, ...answer }: { meta: PageMeta } & Record<string, unknown> = await get(`${what}${next}`);
    items.push(...(answer[what] as Item[]));
    open = meta.open ?? null;
    next = nextQuery(meta.next);
  }
  return { items, cut: next !== null, open };
}

async function post(path: string, body: Record<string, unknown>, withinMs?: number) {
  const init = {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  return request(path, init, undefined, withinMs);
}

export interface ForceRequest {
  episode: number | null;
  pause: boolean;
  override: boolean;
}

/** Without a wish to pause or not, what is configured holds. */
export async function dryRun(
  { workerid, masterid }: Which,
  { pause, ...wish }: Omit<ForceRequest, "pause"> & { pause: boolean | null },
): Promise<DryRun> {
  const { body } = await post(`workers/${workerid}/force-disconnect?masterid=${masterid}`, {
    ...wish,
    ...(pause === null ? {} : { pause }),
    dry_run: true,
  });
  return body.dry_run as DryRun;
}

/** `answered` is false when the owning master has not said yet what came of it. */
export async function forceDisconnect(
  { workerid, masterid }: Which,
  wish: ForceRequest & { confirm: string; reason: string },
): Promise<{ answered: boolean; action: Action }> {
  const { status, body } = await post(`workers/${workerid}/force-disconnect?masterid=${masterid}`, {
    ...wish,
    dry_run: false,
  });
  return { answered: status !== 202, action: body.action as Action };
}

/** Pauses a worker, or ends its pause, by Buildbot's own means: an action, with a reason. */
export async function pauseWorker({ workerid, masterid }: Which, act: Pausing, reason: string): Promise<Action> {
  const { body } = await post(`workers/${workerid}/${act}?masterid=${masterid}`, { reason });
  return body.action as Action;
}

export async function resolveOrphan(id: number, note: string): Promise<Orphan> {
  const { body } = await post(`orphans/${id}/resolve`, { note });
  return body.orphan as Orphan;
}

/** Has the clouds asked what runs there: it has begun when this is over. */
export async function takeCensus(): Promise<void> {
  await post("instances/refresh", {});
}

const endPath = (id: string) => `instances/${encodeURIComponent(id)}/end`;

export async function planEnd(id: string): Promise<EndPlan> {
  const { body } = await post(endPath(id), { dry_run: true });
  return body.dry_run as EndPlan;
}

/** The action has no outcome while the instance was not seen gone. */
export async function endInstance(id: string, confirm: string, reason: string): Promise<Action> {
  const { body } = await post(endPath(id), { confirm, reason, dry_run: false }, CLOUD_WITHIN_MS);
  return body.action as Action;
}
