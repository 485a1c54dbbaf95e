import type { WorkersAnswer } from "../contract/types";
import { asFailure, getMany } from "./client";
import { setServerTime, stopTime } from "./clock";

/** Fetches workers, and takes the server's time from the answer. */
export async function fetchWorkers(path: string): Promise<WorkersAnswer> {
  const asked = Date.now() / 1000;
  const answer = await getMany<WorkersAnswer>(path, "workers").catch((error: unknown) => {
    const { status } = asFailure(error);
    if (status === 0 || status >= 500) stopTime();
    throw error;
  });
  setServerTime(answer.meta.now, asked, Date.now() / 1000);
  return answer;
}
