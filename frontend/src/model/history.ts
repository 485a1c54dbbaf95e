/* A history that is paged by key, newest first, while new entries come in at its head. */

export interface History<Item> {
  items: readonly Item[];
  /** The query of the next page, or null at the end. */
  next: string | null;
  /** Of the ledger: how many entries of it are open in all, by the last answer; null where that is not told. */
  open?: number | null;
}

/** The freshly read head and what was read before. If they do not meet, something lies between that nobody has read,
 *  and only the head is kept: a list with a silent hole would be a lie. */
export function withHead<Item extends { id: number }>(known: History<Item>, head: History<Item>): History<Item> {
  const lowest = head.items[head.items.length - 1]?.id;
  const meets = lowest !== undefined && known.items.some((item) => item.id >= lowest);
  if (!meets || known.items.length === 0) return head;
  const older = known.items.filter((item) => item.id < lowest);
  return older.length === 0 ? head : { ...head, items: [...head.items, ...older], next: known.next };
}

/** The page that was asked for where the history ended at `from`; if it ends elsewhere by now, the page does not follow. */
export function withOlder<Item extends { id: number }>(
  known: History<Item>,
  page: History<Item>,
  from: string,
): History<Item> {
  if (known.next !== from) return known;
  const lowest = known.items[known.items.length - 1]?.id ?? Infinity;
  return { ...page, items: [...known.items, ...page.items.filter((item) => item.id < lowest)] };
}
