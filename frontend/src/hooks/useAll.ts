import { AnswerSource, type Answer } from "../server/answer";
import { getAll, type All } from "../server/client";
import { useSource } from "./useSource";

/** All rows of a history, whatever their number, as they are now: looked at again when any worker has changed. */
export function useAll<Item>(what: string, query: string): Answer<All<Item>> & { reload: () => void } {
  const [state, { reload }] = useSource<Answer<All<Item>>, AnswerSource<All<Item>>>(
    `${what}${query}`,
    (before) => new AnswerSource<All<Item>>(() => getAll<Item>(what, query), null, before?.getState().answer),
  );
  return { ...state, reload };
}
