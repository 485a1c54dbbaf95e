import { get } from "./client";
import type { Action } from "../contract/types";

/* What came of the forced disconnects that were asked for on this page, for the dialog and for the worker's row. An
   action whose master has not answered yet is followed until it has. */

const FOLLOW_EVERY_MS = 2_000;

class Outcomes {
  private readonly actions = new Map<number, Action>();
  private readonly watchers = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  readonly watch = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => {
      this.watchers.delete(watcher);
    };
  };

  of(workerid: number): Action | null {
    return this.actions.get(workerid) ?? null;
  }

  put(action: Action) {
    // Answers may come in another order than they were asked for.
    const known = this.actions.get(action.workerid);
    if (known !== undefined && known.id > action.id) return;
    if (known?.id === action.id && known.finished_at !== null && action.finished_at === null) return;
    this.actions.set(action.workerid, action);
    this.watchers.forEach((watcher) => {
      watcher();
    });
    if (action.finished_at === null) this.follow();
  }

  private follow() {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const open = [...this.actions.values()].filter((action) => action.finished_at === null);
      for (const { id } of open) {
        get<{ actions: Action[] }>(`actions/${id}`).then(
          ({ actions }) => {
            if (actions[0] !== undefined) this.put(actions[0]);
          },
          () => {
            this.follow();
          },
        );
      }
    }, FOLLOW_EVERY_MS);
  }
}

export const outcomes = new Outcomes();
