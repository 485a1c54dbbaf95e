import type { WebSocketClient } from "buildbot-data-js";
import { ApiFailure } from "./client";
import { fetchWorkers, fleetStore } from "./fleet";
import { settings } from "../host/settings";
import { readKey } from "./socket";
import type { Worker } from "../contract/types";

/* The number on the menu badge. It is on every page of Buildbot, so it must cost next to nothing: while one of our own
   pages is open it reads along; otherwise it asks for the stuck workers alone, now and then, and soon after the host's
   own websocket has told of a verdict. That socket is taken as a hint only: it may be refused or lost, unseen. */

const EVERY_MS = 30_000;
const SOON_MS = 1_000;
/** How many of them the reader wants counted. The host's settings are asked once: they are slow to answer. */
function countOf(workers: readonly Worker[]): number {
  const { badge } = settings();
  return workers.filter((worker) => badge.includes(worker.verdict.level)).length;
}

/* Who may not know today will hardly do so in half a minute. */
const NOT_ALLOWED_MS = 300_000;

class StuckCount {
  private stuck: number | null = null;
  private readonly watchers = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private soonTimer: ReturnType<typeof setTimeout> | undefined;
  private hinted = false;
  private asked = 0;
  private filtered = true;
  private stopReading: (() => void) | null = null;

  readonly snapshot = () => this.stuck;
  readonly watch = (watcher: () => void) => {
    this.watchers.add(watcher);
    if (this.watchers.size === 1) {
      this.stopReading = fleetStore.readAlong(this.take);
      document.addEventListener("visibilitychange", this.onSight);
      // The host's settings tell nobody of a change; who has made one leaves their page.
      window.addEventListener("hashchange", this.onMove);
      this.plan(0);
    }
    return () => {
      this.watchers.delete(watcher);
      if (this.watchers.size === 0) {
        clearTimeout(this.timer);
        document.removeEventListener("visibilitychange", this.onSight);
        window.removeEventListener("hashchange", this.onMove);
        this.stopReading?.();
      }
    };
  };

  hintFrom(client: WebSocketClient | undefined) {
    if (this.hinted || client === undefined) return;
    this.hinted = true;
    client.eventStream.subscribe((message) => {
      if (readKey(message)?.kind !== "verdict") return;
      this.soonTimer ??= setTimeout(() => {
        this.soonTimer = undefined;
        this.plan(0);
      }, SOON_MS);
    });
    client.subscribe("lifecycle/*/verdict", this).catch(() => undefined);
  }

  private readonly take = () => {
    if (!fleetStore.current) return;
    this.set(countOf(fleetStore.snapshot().workers));
  };

  private readonly onSight = () => {
    if (document.hidden) clearTimeout(this.timer);
    else this.plan(0);
  };

  private readonly onMove = (event: HashChangeEvent) => {
    if (event.oldURL.includes("#/settings")) this.plan(0);
  };

  private set(stuck: number | null) {
    if (stuck === this.stuck) return;
    this.stuck = stuck;
    this.watchers.forEach((watcher) => {
      watcher();
    });
  }

  private plan(ms: number) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(), ms);
  }

  private async ask() {
    if (document.hidden) return;
    const mine = ++this.asked;
    const levels = settings().badge;
    if (levels.length === 0) this.set(0);
    else if (fleetStore.current) this.take();
    else {
      try {
        const which = levels.map((level) => `level=${level}`).join("&");
        const answer = await fetchWorkers(this.filtered ? `workers?${which}` : "workers?field=workerid&field=verdict");
        if (mine !== this.asked) return;
        this.set(countOf(answer.workers));
      } catch (error) {
        if (mine !== this.asked) return;
        // A server that cannot filter by level is asked for all of them; any other failure leaves the number unknown.
        if (error instanceof ApiFailure && error.status === 400) this.filtered = false;
        else this.set(null);
        if (error instanceof ApiFailure && (error.status === 401 || error.status === 403)) {
          this.plan(NOT_ALLOWED_MS);
          return;
        }
      }
    }
    this.plan(this.filtered ? EVERY_MS : 2 * EVERY_MS);
  }
}

export const stuckCount = new StuckCount();
