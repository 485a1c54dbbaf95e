import type { PageMeta } from "../contract/types";
import { withHead, withOlder, type History } from "../model/history";
import { nextQuery } from "../model/links";
import { Order } from "../model/order";
import { get, type ApiFailure } from "./client";
import { Source } from "./source";

export interface HistoryState<Item> {
  /** Null before the first answer. */
  history: History<Item> | null;
  failure: ApiFailure | null;
}

type Join<Item> = (known: History<Item>, page: History<Item>) => History<Item>;

/** A history of one worker, or of all (null): its newest page kept up to date, older ones added on demand. */
export class HistorySource<Item extends { id: number }> extends Source<HistoryState<Item>> {
  private readonly heads = new Order();
  private readonly pages = new Order();

  constructor(
    private readonly workerid: number | null,
    /** Without a query. */
    private readonly path: string,
    private readonly plural: string,
    private readonly query: string,
  ) {
    super({ history: null, failure: null });
  }

  readonly reload = () => {
    this.read(this.heads, this.query, withHead);
  };

  readonly older = () => {
    const next = this.getState().history?.next ?? null;
    if (next !== null) this.read(this.pages, next, (known, page) => withOlder(known, page, next));
  };

  protected override start() {
    this.follow(this.workerid, this.reload);
    this.reload();
  }

  private read(order: Order, query: string, join: Join<Item>) {
    this.ask(
      order,
      get<Record<string, Item[]> & { meta: PageMeta }>(`${this.path}${query}`),
      ({ meta, ...answer }) => {
        const items = (answer as Record<string, Item[]>)[this.plural] ?? [];
        const page = { items, next: nextQuery(meta.next), open: meta.open ?? null };
        const { history } = this.getState();
        this.set({ history: history === null ? page : join(history, page), failure: null });
      },
      (failure) => {
        this.set({ failure });
      },
    );
  }
}
