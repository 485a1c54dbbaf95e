import { DEFAULT_VIEW, SORT_KEYS, type SortKey, type View } from "./arrange";

/* The view in the address, so that a link can be shared: `q`, `state`, `verdict`, `class`, `master`, and `order`
   as in Buildbot's REST. */

export function readView(query: URLSearchParams): View {
  const order = query.get("order") ?? "";
  const key = order.replace(/^-/, "");
  const known = (SORT_KEYS as readonly string[]).includes(key);
  return {
    text: query.get("q") ?? "",
    state: query.get("state") ?? "",
    verdict: query.get("verdict") ?? "",
    class: query.get("class") ?? "",
    master: query.get("master") ?? "",
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
  put("class", view.class);
  put("master", view.master);
  const usual = view.sort === DEFAULT_VIEW.sort && view.descending === DEFAULT_VIEW.descending;
  put("order", usual ? "" : `${view.descending ? "-" : ""}${view.sort}`);
  return result;
}

const FILTERS = ["q", "state", "verdict", "class", "master"];

/** The filter of an address alone, for the way to another view of the same workers. */
export function keptFilter(query: URLSearchParams): string {
  const kept = new URLSearchParams();
  for (const name of FILTERS) {
    const value = query.get(name);
    if (value !== null) kept.set(name, value);
  }
  return kept.toString();
}

/** One parameter of an address set, or taken away. */
export function withParam(query: URLSearchParams, name: string, value: string): URLSearchParams {
  const result = new URLSearchParams(query);
  if (value === "") result.delete(name);
  else result.set(name, value);
  return result;
}
