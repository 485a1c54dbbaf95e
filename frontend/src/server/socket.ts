/* Buildbot's websocket, from its own end: the host's client never reconnects in 4.3, and its promise to subscribe never
   settles when the socket is refused. This one says so, and is thrown away and made anew by server/live. */

const SUBSCRIBED_WITHIN_MS = 6_000;
const PING_EVERY_MS = 20_000;
const KINDS = ["transition", "event", "verdict", "action", "orphan", "census"] as const;

export interface SocketEvents {
  /** All subscriptions were acknowledged: from now on nothing is missed. */
  onLive: () => void;
  onMessage: (workerid: number, kind: string) => void;
  /** Refused, lost or silent. Called once; the socket is of no use afterwards. */
  onGone: () => void;
}

export function socketUrl(page: string): string {
  const url = new URL("ws", page);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = "";
  url.hash = "";
  return url.href;
}

/** The worker that a routing key such as `lifecycle/17/verdict` speaks of, or null. */
export function readKey(message: unknown): { workerid: number; kind: string } | null {
  if (typeof message !== "object" || message === null) return null;
  const key = (message as { k?: unknown }).k;
  const parts = typeof key === "string" ? key.split("/") : [];
  const workerid = Number(parts[1]);
  if (parts[0] !== "lifecycle" || parts.length !== 3 || !Number.isInteger(workerid)) return null;
  return { workerid, kind: parts[2] ?? "" };
}

/** Opens a socket and returns the function that closes it silently. */
export function openSocket(url: string, events: SocketEvents): () => void {
  let socket: WebSocket;
  try {
    socket = new WebSocket(url);
  } catch {
    const soon = setTimeout(events.onGone, 0);
    return () => {
      clearTimeout(soon);
    };
  }
  let nextId = 1;
  const waiting = new Set<number>();
  let live = false;
  let over = false;
  let deadline: ReturnType<typeof setTimeout> | undefined;
  let pinger: ReturnType<typeof setInterval> | undefined;

  const close = () => {
    over = true;
    clearTimeout(deadline);
    clearInterval(pinger);
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    socket.close();
  };
  const gone = () => {
    if (over) return;
    close();
    events.onGone();
  };
  const expectAnswer = () => {
    clearTimeout(deadline);
    deadline = setTimeout(gone, SUBSCRIBED_WITHIN_MS);
  };
  const send = (command: Record<string, string>) => {
    const id = nextId++;
    waiting.add(id);
    socket.send(JSON.stringify({ ...command, _id: id }));
  };
  const onAnswer = (id: number, code: unknown) => {
    if (code !== 200) {
      gone();
      return;
    }
    waiting.delete(id);
    if (waiting.size > 0) return;
    clearTimeout(deadline);
    if (!live) {
      live = true;
      events.onLive();
    }
  };

  expectAnswer();
  socket.onopen = () => {
    for (const kind of KINDS) send({ cmd: "startConsuming", path: `lifecycle/*/${kind}` });
    pinger = setInterval(() => {
      send({ cmd: "ping" });
      expectAnswer();
    }, PING_EVERY_MS);
  };
  socket.onmessage = (event: MessageEvent<unknown>) => {
    let message: unknown;
    try {
      message = JSON.parse(String(event.data));
    } catch {
      return;
    }
    const about = readKey(message);
    if (about !== null) {
      events.onMessage(about.workerid, about.kind);
      return;
    }
    const { _id: id, code } = message as { _id?: unknown; code?: unknown };
    if (typeof id === "number") onAnswer(id, code);
  };
  socket.onclose = socket.onerror = gone;
  return close;
}
