import { createStore, type StoreApi } from "zustand/vanilla";

export type Watcher<State> = (state: State, before: State) => void;

/** A value that is shown, as zustand's `useStore` takes it. Who has it may change it; who sees it cannot. */
export class Shown<State> {
  protected readonly store: StoreApi<State>;

  constructor(initial: State) {
    this.store = createStore(() => initial);
  }

  readonly getState = (): State => this.store.getState();
  readonly getInitialState = (): State => this.store.getInitialState();
  readonly subscribe = (watcher: Watcher<State>): (() => void) => this.store.subscribe(watcher);

  protected set(change: Partial<State>) {
    this.store.setState(change);
  }
}
