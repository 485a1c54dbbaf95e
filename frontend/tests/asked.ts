import { act } from "@testing-library/react";
import { vi } from "vitest";

/* A server that answers by hand, so that a test says in which order the answers come. The clock is the test's as well. */

export interface Asked {
  url: string;
  body: unknown;
  answer: (body: unknown, status?: number) => Promise<void>;
}

/** All that was asked for since `serve`, in its order. */
export const asked: Asked[] = [];

export function serve() {
  asked.length = 0;
  vi.stubGlobal(
    "fetch",
    (url: string, init: RequestInit = {}) =>
      new Promise((resolve) => {
        asked.push({
          url,
          body: typeof init.body === "string" ? JSON.parse(init.body) : null,
          answer: (body, status = 200) =>
            act(async () => {
              resolve(new Response(JSON.stringify(body), { status }));
              await vi.advanceTimersByTimeAsync(0);
            }),
        });
      }),
  );
}

/** The question at this place, among those whose address holds `part`. */
export function to(index: number, part = ""): Asked {
  const found = asked.filter(({ url }) => url.includes(part))[index];
  if (found === undefined)
    throw new Error(`${part} was not asked for ${index + 1} times: ${asked.map((a) => a.url).join()}`);
  return found;
}

/** Time goes on. */
export const pass = (ms: number) =>
  act(async () => {
    await vi.advanceTimersByTimeAsync(ms);
  });
