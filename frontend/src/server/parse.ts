/* Long answers are read by a worker thread and come back in slices: to parse megabytes at once would hold up the page.
   Where there can be no such thread (a content security policy may forbid it), they are parsed as any other. */

/** Bytes from which on an answer is a long one: less is parsed sooner than a thread has begun. */
const LONG = 3_000_000;

/* A slice is of 600 things: a few milliseconds of work. */
const THREAD = `onmessage = ({ data }) => {
  const rest = JSON.parse(new TextDecoder().decode(data.bytes));
  let part = [], weight = 0;
  for (const row of rest[data.plural]) {
    part.push(row);
    weight += 1 + (row.episodes || []).length;
    if (weight > 600) { postMessage(part); part = []; weight = 0; }
  }
  rest[data.plural] = part;
  postMessage(rest);
};`;

type Fields = Record<string, unknown>;

function begun(): Worker {
  const address = URL.createObjectURL(new Blob([THREAD], { type: "text/javascript" }));
  const thread = new Worker(address);
  URL.revokeObjectURL(address);
  return thread;
}

/** A body as JSON, of which the rows under `plural` may be many. Rejects what is no JSON. */
export function parseLong(bytes: ArrayBuffer, plural: string): Promise<unknown> {
  const here = (): unknown => JSON.parse(new TextDecoder().decode(bytes));
  return new Promise((resolve) => {
    if (bytes.byteLength < LONG) {
      resolve(here());
      return;
    }
    const thread = begun();
    const rows: unknown[] = [];
    thread.onerror = () => {
      thread.terminate();
      resolve(null);
    };
    thread.onmessage = ({ data }: MessageEvent<unknown[] | Fields>) => {
      if (Array.isArray(data)) {
        rows.push(...data);
        return;
      }
      thread.terminate();
      resolve({ ...data, [plural]: [...rows, ...(data[plural] as unknown[])] });
    };
    thread.postMessage({ bytes, plural });
  }).then(
    (found) => found ?? here(),
    () => here(),
  );
}
