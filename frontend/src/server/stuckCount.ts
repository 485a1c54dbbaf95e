import type { WebSocketClient } from "buildbot-data-js";
import type { Worker } from "../contract/types";
import { settings } from "../host/settings";
import { Order } from "../model/order";
import type { ApiFailure } from "./client";
import { fleetSource } from "./fleet";
import { readKey } from "./socket";
import { Source } from "./source";
import { fetchWorkers } from "./workers";

/* The number on the menu badge. It is on every page of Buildbot, so it must cost next to nothing: while one of our own
   pages is open it reads along; otherwise it asks for the stuck workers alone, now and then, and soon after the host's
   own websocket has told of a verdict. That socket is taken as a hint only: it may be refused or lost, unseen. */

const EVERY_MS = 30_000;
const SOON_MS = 1_000;
/* Who may not know today will hardly do so in half a minute. */
const NOT_ALLOWED_MS = 300_000;

/** How many of them the reader wants counted. The host's settings are asked once: they are slow to answer. */
function countOf(workers: readonly Worker[]): number {
  const { badge } = settings();
  return workers.filter((worker) => badge.includes(worker.verdict.level)).length;
}

export class StuckCount extends Source<{ stuck: number | null }> {
  private readonly order = new Order();
  private hinted = false;
  private filtered = true;

  constructor() {
    super({ stuck: null });
  }

  hintFrom(client: WebSocketClient | undefined) {
    if (this.hinted || client === undefined) return;
    this.hinted = true;
    client.eventStream.subscribe((message) => {
      if (readKey(message)?.kind !== "verdict") return;
      this.soon("hint", SOON_MS, () => {
        this.look();
      });
    });
    client.subscribe("lifecycle/*/verdict", this).catch(() => undefined);
  }

  protected override start() {
    this.untilTheEnd(fleetSource.readAlong(this.take));
    document.addEventListener("visibilitychange", this.onSight);
    // The host's settings tell nobody of a change; who has made one leaves their page.
    window.addEventListener("hashchange", this.onMove);
    this.plan(0);
  }

  protected override stop() {
    document.removeEventListener("visibilitychange", this.onSight);
    window.removeEventListener("hashchange", this.onMove);
  }

  private readonly take = () => {
    if (fleetSource.current) this.say(countOf(fleetSource.getState().workers));
  };

  private readonly onSight = () => {
    if (document.hidden) this.cancel("look");
    else this.plan(0);
  };

  private readonly onMove = (event: HashChangeEvent) => {
    if (event.oldURL.includes("#/settings")) this.plan(0);
  };

  private say(stuck: number | null) {
    if (stuck !== this.getState().stuck) this.set({ stuck });
  }

  private plan(ms: number) {
    this.after("look", ms, () => {
      this.look();
    });
  }

  private look() {
    if (document.hidden) return;
    const levels = settings().badge;
    if (levels.length === 0 || fleetSource.current) {
      // It is known without a question, and better than by an answer that is still to come.
      this.order.forget();
      if (levels.length === 0) this.say(0);
      else this.take();
      this.plan(this.everyMs);
      return;
    }
    const which = levels.map((level) => `level=${level}`).join("&");
    this.ask(
      this.order,
      fetchWorkers(this.filtered ? `workers?${which}` : "workers?field=workerid&field=verdict"),
      ({ workers }) => {
        this.say(countOf(workers));
        this.plan(this.everyMs);
      },
      (failure) => {
        this.onFailure(failure);
      },
    );
  }

  private get everyMs() {
    return this.filtered ? EVERY_MS : 2 * EVERY_MS;
  }

  /** A server that cannot filter by level is asked for all of them; any other failure leaves the number unknown. */
  private onFailure({ status }: ApiFailure) {
    if (status === 400) this.filtered = false;
    else this.say(null);
    this.plan(status === 401 || status === 403 ? NOT_ALLOWED_MS : this.everyMs);
  }
}

export const stuckCount = new StuckCount();
