import type { Build } from "../contract/types";
import type { Which } from "./key";

/* Places in Buildbot's own pages, as routes of its router. */

export function buildRoute(build: Build): string | null {
  return build.builderid === null || build.number === null
    ? null
    : `/builders/${build.builderid}/builds/${build.number}`;
}

export function buildLabel(build: Build): string {
  return build.number === null ? build.builder : `${build.builder} #${build.number}`;
}

export const workerRoute = ({ workerid, masterid }: Which) => `/lifecycle/workers/${workerid}?masterid=${masterid}`;
/** One worker of one master, as the API is asked for it. */
export const oneWorker = ({ workerid, masterid }: Which) => `workers/${workerid}?masterid=${masterid}`;
export const orphansRoute = ({ workerid, masterid }: Which) =>
  `/lifecycle/orphans?workerid=${workerid}&masterid=${masterid}`;
export const episodeRoute = (episode: number) => `/lifecycle/episodes/${episode}`;
export const stockWorkerRoute = (workerid: number) => `/workers/${workerid}`;

/** The query of a ready-made address of the next page: its host may be another one behind a proxy, and only our own
 *  path is ever asked. */
export function nextQuery(next: string | null): string | null {
  if (next === null) return null;
  const mark = next.indexOf("?");
  return mark === -1 ? null : next.slice(mark);
}

/** A link of somebody else's making, if it is one that a browser may open. */
export const safeLink = (link: string | null) => (link !== null && /^https?:\/\//i.test(link) ? link : null);

/** The end of an instance: by its id, or by the open entry of the orphans that names it. */
export const endRoute = (by: { id: string } | { entry: number }) =>
  `/lifecycle/instances?${"id" in by ? `end=${encodeURIComponent(by.id)}` : `entry=${by.entry}`}`;
