import type { Order } from "../model/order";
import { asFailure, type ApiFailure } from "./client";
import { feed } from "./live";
import { Shown, type Watcher } from "./shown";

/* All that the page knows of the server is a source: it is asked for while somebody watches, its answers are taken in
   the order of their questions, and once nobody watches it has no timer, and no answer changes it any more. What is
   asked, and how answers are joined to what is known, is said by each source itself. */

/* Where any worker will do, the changes of a busy second are taken together. */
const AT_MOST_EVERY_MS = 1_000;

export abstract class Source<State> extends Shown<State> {
  private watchers = 0;
  /** Counts the times that somebody began to watch: answers for an earlier one are not taken. */
  private life = 0;
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  private readonly atEnd: (() => void)[] = [];

  /** Somebody watches now. */
  protected abstract start(): void;
  /** Nobody watches any more; timers, and what was asked, are forgotten already. */
  protected stop(): void {
    // Most have nothing more to forget.
  }

  get watched(): boolean {
    return this.watchers > 0;
  }

  override readonly subscribe = (watcher: Watcher<State>) => {
    const leave = this.store.subscribe(watcher);
    let here = true;
    if (++this.watchers === 1) this.start();
    return () => {
      if (!here) return;
      here = false;
      leave();
      if (--this.watchers === 0) this.end();
    };
  };

  /** Hears of changes without asking for any. */
  readAlong(reader: Watcher<State>): () => void {
    return this.store.subscribe(reader);
  }

  private end() {
    this.life++;
    this.timers.forEach((timer) => {
      clearTimeout(timer);
    });
    this.timers.clear();
    this.atEnd.splice(0).forEach((leave) => {
      leave();
    });
    this.stop();
  }

  /** Asks, and hands over what came of it, unless it came too late to be wanted. */
  protected ask<Answer>(
    order: Order,
    question: Promise<Answer>,
    taken: (answer: Answer, question: number) => void,
    failed: (failure: ApiFailure) => void,
  ) {
    this.hear(order, question, (number) => order.takes(number), taken, failed);
  }

  /** The same for a question about some parts: `wanted` says of each part whether this answer is to be taken for it. */
  protected askSome<Answer>(
    order: Order,
    question: Promise<Answer>,
    taken: (answer: Answer, wanted: (part: number) => boolean) => void,
    failed: () => void,
  ) {
    this.hear(
      order,
      question,
      () => true,
      (answer, number) => {
        taken(answer, (part) => order.takesPart(number, part));
      },
      failed,
    );
  }

  private hear<Answer>(
    order: Order,
    question: Promise<Answer>,
    takes: (question: number) => boolean,
    taken: (answer: Answer, question: number) => void,
    failed: (failure: ApiFailure) => void,
  ) {
    const number = order.ask();
    const { life } = this;
    const wanted = () => life === this.life && takes(number);
    question.then(
      (answer) => {
        if (wanted()) taken(answer, number);
      },
      (error: unknown) => {
        if (wanted()) failed(asFailure(error));
      },
    );
  }

  /** Does it later, unless nobody watches by then. A timer of the same name is put off. */
  protected after(name: string, ms: number, work: () => void) {
    this.cancel(name);
    if (!this.watched) return;
    const timer = setTimeout(() => {
      this.timers.delete(name);
      work();
    }, ms);
    this.timers.set(name, timer);
  }

  /** The same, but a timer of the same name stays as it is. */
  protected soon(name: string, ms: number, work: () => void) {
    if (!this.timers.has(name)) this.after(name, ms, work);
  }

  /** Never over where nobody watches any more. */
  protected pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after("pause", ms, resolve);
    });
  }

  protected cancel(name: string) {
    clearTimeout(this.timers.get(name));
    this.timers.delete(name);
  }

  /** To be done when nobody watches any more. */
  protected untilTheEnd(leave: () => void) {
    this.atEnd.push(leave);
  }

  /** Looks when this worker has changed, or any (null), or when it is time to look again. */
  protected follow(workerid: number | null, look: () => void) {
    this.untilTheEnd(
      feed.listen({
        onWorkers: (workerids) => {
          if (workerid === null) this.soon("follow", AT_MOST_EVERY_MS, look);
          else if (workerids.has(workerid)) look();
        },
        onRefresh: look,
      }),
    );
  }
}
