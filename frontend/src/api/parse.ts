/* Long answers are read by a worker thread and come back in slices: to parse megabytes at once would hold up the page.
   Where there can be no such thread (a content security policy may forbid it), they are parsed as any other. */

/** Bytes from which on an answer is a long one: less is parsed sooner than a thread has begun. */
const LONG = 3_000_000;
/** Things in a slice: a few milliseconds of work. */
const SLICE = 600;
const ANSWER_WITHIN_MS = 20_000;

const THREAD = `onmessage = ({ data }) => {
  let rest, rows = [], parts = [], weight = 0;
  try {
    rest = JSON.parse(new TextDecoder().decode(data.bytes));
    rows = rest[data.plural];
    rest[data.plural] = [];
    for (const row of rows) {
      parts.push(row);
      weight += 1 + (row.episodes ? row.episodes.length : 0);
      if (weight >= ${SLICE}) { postMessage(parts); parts = []; weight = 0; }
    }
    postMessage(parts);
    postMessage({ rest });
  } catch { postMessage(null); }
};`;

type Fields = Record<string, unknown>;

function parsed(bytes: ArrayBuffer): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** A body as JSON, of which the rows under `plural` are many. Rejects what is no JSON. */
export function parseLong(bytes: ArrayBuffer, plural: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let thread: Worker | null = null;
    if (bytes.byteLength >= LONG && typeof Worker !== "undefined") {
      try {
        const address = URL.createObjectURL(new Blob([THREAD], { type: "text/javascript" }));
        thread = new Worker(address);
        URL.revokeObjectURL(address);
      } catch {
        // It is parsed here then.
      }
    }
    const here = () => {
      thread?.terminate();
      try {
        resolve(parsed(bytes));
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    if (thread === null) {
      here();
      return;
    }
    const found = thread;
    const timer = setTimeout(here, ANSWER_WITHIN_MS);
    const rows: unknown[] = [];
    found.onerror = found.onmessageerror = () => {
      clearTimeout(timer);
      here();
    };
    found.onmessage = ({ data }: MessageEvent<unknown[] | { rest: Fields } | null>) => {
      if (Array.isArray(data)) {
        rows.push(...data);
        return;
      }
      clearTimeout(timer);
      if (data === null) {
        here();
        return;
      }
      found.terminate();
      resolve({ ...data.rest, [plural]: rows });
    };
    found.postMessage({ bytes, plural });
  });
}
