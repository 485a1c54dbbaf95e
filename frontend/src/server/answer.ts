import { Order } from "../model/order";
import type { ApiFailure } from "./client";
import { Source } from "./source";

export interface Answer<T> {
  answer: T | null;
  failure: ApiFailure | null;
}

/** What the server says to one question, asked again when the worker (or any: null) has changed. */
export class AnswerSource<T> extends Source<Answer<T>> {
  private readonly order = new Order();

  constructor(
    private readonly question: () => Promise<T>,
    private readonly workerid: number | null,
    /** Shown until the first answer. */
    before: T | null = null,
  ) {
    super({ answer: before, failure: null });
  }

  readonly reload = () => {
    this.ask(
      this.order,
      this.question(),
      (answer) => {
        this.set({ answer, failure: null });
      },
      (failure) => {
        this.set({ failure });
      },
    );
  };

  protected override start() {
    this.follow(this.workerid, this.reload);
    this.reload();
  }
}
