import type { Action } from "../contract/types";
import { keyOf, type Key, type Which } from "../model/key";
import { Order } from "../model/order";
import { get } from "./client";
import { Source } from "./source";

/* What came of the forced disconnects that were asked for on this page, for the dialog and for the worker's row. An
   action whose master has not answered yet is followed until it has, while somebody watches. */

const FOLLOW_EVERY_MS = 2_000;

export interface OutcomesState {
  /** By worker. */
  actions: ReadonlyMap<Key, Action>;
}

export class OutcomeSource extends Source<OutcomesState> {
  constructor() {
    super({ actions: new Map() });
  }

  of(worker: Which): Action | null {
    return this.getState().actions.get(keyOf(worker)) ?? null;
  }

  put(action: Action) {
    // What is finished stays so, and an older action is not the last one.
    const known = this.of(action);
    if (known !== null && known.id > action.id) return;
    if (known?.id === action.id && known.finished_at !== null && action.finished_at === null) return;
    this.set({ actions: new Map([...this.getState().actions, [keyOf(action), action]]) });
    this.followOpen();
  }

  protected override start() {
    this.followOpen();
  }

  private open(): Action[] {
    return [...this.getState().actions.values()].filter((action) => action.finished_at === null);
  }

  private followOpen() {
    if (this.open().length === 0) return;
    this.soon("follow", FOLLOW_EVERY_MS, () => {
      for (const { id } of this.open()) this.followOne(id);
    });
  }

  private followOne(id: number) {
    this.ask(
      new Order(),
      get<{ actions: Action[] }>(`actions/${id}`),
      ({ actions }) => {
        if (actions[0] !== undefined) this.put(actions[0]);
      },
      () => {
        this.followOpen();
      },
    );
  }
}

export const outcomes = new OutcomeSource();
