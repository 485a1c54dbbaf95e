import { LIVE_CHECK_S, pollInterval, reconnectDelay } from "../model/pace";
import { Shown } from "./shown";
import { openSocket, socketUrl } from "./socket";

/* One feed for all that the page shows. It says who changed, or that it is time to look at everything again; and it
   says honestly in which of its modes it is. Times here are the browser's, in epoch seconds. */

export interface LiveState {
  mode: "connecting" | "live" | "polling";
  /** Since when this mode. */
  since: number;
  pollEveryS: number;
  /** When a fresh websocket will be tried, while polling. */
  retryAt: number | null;
}

export interface FeedListener {
  onWorkers: (workerids: ReadonlySet<number>) => void;
  onRefresh: () => void;
  /** A census was begun or taken. */
  onCensus?: () => void;
}

/* The first message is followed at once, and what comes in its wake together: one build is a dozen of them. */
const FIRST_MS = 25;
const GATHER_MS = 180;
const LINGER_MS = 4_000;
/* A tab that nobody sees does nothing; one that is only looked away from for a moment keeps its socket. */
const HIDDEN_MS = 10_000;

const browserNow = () => Date.now() / 1000;

export class LiveFeed extends Shown<LiveState> {
  private readonly listeners = new Set<FeedListener>();
  private closeSocket: (() => void) | null = null;
  private attempt = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private refreshTimer: ReturnType<typeof setTimeout> | undefined;
  private gatherTimer: ReturnType<typeof setTimeout> | undefined;
  private stopTimer: ReturnType<typeof setTimeout> | undefined;
  private gathered = new Set<number>();
  private toldMs = -GATHER_MS;
  private running = false;
  private hiddenTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super({ mode: "connecting", since: 0, pollEveryS: pollInterval(0), retryAt: null });
  }

  /** Runs while somebody listens, and a little longer, so that a change of view keeps the socket. */
  listen(listener: FeedListener): () => void {
    this.listeners.add(listener);
    clearTimeout(this.stopTimer);
    if (!this.running) this.start();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) {
        this.stopTimer = setTimeout(() => {
          this.stop();
        }, LINGER_MS);
      }
    };
  }

  /** What the last full look cost, which sets the pace of polling. */
  reportCost(ms: number) {
    const pollEveryS = pollInterval(ms);
    if (pollEveryS !== this.getState().pollEveryS) this.set({ pollEveryS });
  }

  readonly tryNow = () => {
    this.attempt = 0;
    this.refreshAll();
    if (this.getState().mode !== "live") this.connect();
  };

  private start() {
    this.running = true;
    this.attempt = 0;
    this.set({ mode: "connecting", since: browserNow(), pollEveryS: this.getState().pollEveryS, retryAt: null });
    document.addEventListener("visibilitychange", this.onVisibility);
    this.connect();
    this.planRefresh();
  }

  private stop() {
    this.running = false;
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.rest();
  }

  /** No socket and no timer is left. */
  private rest() {
    clearTimeout(this.hiddenTimer);
    this.closeSocket?.();
    this.closeSocket = null;
    clearTimeout(this.retryTimer);
    clearTimeout(this.refreshTimer);
    clearTimeout(this.gatherTimer);
    this.gatherTimer = undefined;
    this.gathered = new Set();
  }

  private connect() {
    clearTimeout(this.retryTimer);
    this.closeSocket?.();
    if (this.getState().retryAt !== null) this.set({ retryAt: null });
    this.closeSocket = openSocket(socketUrl(window.location.href), {
      onLive: () => {
        const first = this.getState().mode === "connecting";
        this.attempt = 0;
        this.set({ mode: "live", since: browserNow(), retryAt: null });
        // What happened while nobody told us is only known by looking.
        if (!first) this.refreshAll();
        this.planRefresh();
      },
      onMessage: (id, kind) => {
        // The key of a census names a master, and no worker.
        if (kind === "census") this.tellCensus();
        else this.gather(id);
      },
      onGone: () => {
        this.onGone();
      },
    });
  }

  private onGone() {
    this.closeSocket = null;
    const delay = reconnectDelay(this.attempt++, Math.random());
    const now = browserNow();
    const before = this.getState().mode;
    const since = before === "polling" ? this.getState().since : now;
    this.set({ mode: "polling", since, retryAt: now + delay });
    this.retryTimer = setTimeout(() => {
      this.connect();
    }, delay * 1000);
    // Attempts that fail do not put off the next look.
    if (before === "polling") return;
    // Whether only the websocket was lost, or the master with it, is known by asking.
    if (before === "live") this.refreshAll();
    this.planRefresh();
  }

  private gather(workerid: number) {
    this.gathered.add(workerid);
    const waitMs = Math.max(FIRST_MS, this.toldMs + GATHER_MS - performance.now());
    this.gatherTimer ??= setTimeout(() => {
      this.gatherTimer = undefined;
      this.toldMs = performance.now();
      const workerids = this.gathered;
      this.gathered = new Set();
      // What happens while nobody sees it is looked at when somebody does.
      if (document.hidden) return;
      this.listeners.forEach((listener) => {
        listener.onWorkers(workerids);
      });
    }, waitMs);
  }

  private tellCensus() {
    this.listeners.forEach((listener) => {
      listener.onCensus?.();
    });
  }

  private planRefresh() {
    clearTimeout(this.refreshTimer);
    const seconds = this.getState().mode === "live" ? LIVE_CHECK_S : this.getState().pollEveryS;
    this.refreshTimer = setTimeout(() => {
      if (!document.hidden) this.refreshAll();
      this.planRefresh();
    }, seconds * 1000);
  }

  private refreshAll() {
    this.listeners.forEach((listener) => {
      listener.onRefresh();
    });
  }

  private readonly onVisibility = () => {
    clearTimeout(this.hiddenTimer);
    if (document.hidden) {
      this.hiddenTimer = setTimeout(() => {
        this.rest();
        this.set({ mode: "connecting", since: browserNow(), retryAt: null });
      }, HIDDEN_MS);
      return;
    }
    this.tryNow();
    this.planRefresh();
  };
}

export const feed = new LiveFeed();
