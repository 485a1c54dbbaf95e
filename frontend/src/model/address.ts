import { DEFAULT_VIEW, SORT_KEYS, type SortKey, type View } from "./arrange";

/* The view in the address, so that a link can be shared: `q`, `state`, `verdict`, and `order` as in Buildbot's REST. */

export function readView(query: URLSearchParams): View {
  const order = query.get("order") ?? "";
  const key = order.replace(/^-/, "");
  const known = (SORT_KEYS as readonly string[]).includes(key);
  return {
    text: query.get("q") ?? "",
    state: query.get("state") ?? "",
    verdict: query.get("verdict") ?? "",
    sort: known ? (key as SortKey) : DEFAULT_VIEW.sort,
    descending: known && order.startsWith("-"),
  };
}

/** What is as usual does not stand in the address; what others put there stays. */
export function writeView(query: URLSearchParams, view: View): URLSearchParams {
  const result = new URLSearchParams(query);
  const put = (name: string, value: string) => {
    if (value === "") result.delete(name);
    else result.set(name, value);
  };
  put("q", view.text);
  put("state", view.state);
  put("verdict", view.verdict);
  const usual = view.sort === DEFAULT_VIEW.sort && view.descending === DEFAULT_VIEW.descending;
  put("order", usual ? "" : `${view.descending ? "-" : ""}${view.sort}`);
  return result;
}
