/* How often to ask: pure rules, so that the page says the same numbers as it keeps. */

export const POLL_S = 5;
/** While live, a full look from time to time all the same: a message may have been lost on its way. */
export const LIVE_CHECK_S = 60;
const LONGEST_POLL_S = 60;
const LONGEST_RECONNECT_S = 30;

/** Seconds between polls. A fetch may take a tenth of the time, so a large installation is asked less often. */
export function pollInterval(lastFetchMs: number): number {
  return Math.min(LONGEST_POLL_S, Math.max(POLL_S, Math.ceil(lastFetchMs / 100)));
}

/** Seconds before attempt number `attempt` (from 0) to open a fresh websocket. `spread` is random, from 0 to 1, so that
 *  a hundred open pages do not all come back in the same moment after a restart. */
export function reconnectDelay(attempt: number, spread: number): number {
  return Math.min(LONGEST_RECONNECT_S, 2 ** attempt) * (0.75 + 0.5 * spread);
}
