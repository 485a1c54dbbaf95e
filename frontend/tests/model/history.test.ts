import { describe, expect, it } from "vitest";
import { withHead, withOlder } from "../../src/model/history";
import { nextQuery } from "../../src/model/links";

const page = (ids: number[], next: string | null = null) => ({ items: ids.map((id) => ({ id })), next });
const ids = (history: { items: readonly { id: number }[] }) => history.items.map((item) => item.id);

describe("a history that grows while it is read", () => {
  it("puts what is new on top and keeps the older pages", () => {
    const joined = withHead(page([4, 3, 2, 1], "?before=1"), page([6, 5, 4], "?before=4"));
    expect(ids(joined)).toEqual([6, 5, 4, 3, 2, 1]);
    expect(joined.next).toBe("?before=1");
  });
  it("starts anew when so much has come that the pages do not meet: no silent hole", () => {
    const joined = withHead(page([4, 3]), page([9, 8], "?before=8"));
    expect(ids(joined)).toEqual([9, 8]);
    expect(joined.next).toBe("?before=8");
  });
  it("adds an older page once, even if it is read twice", () => {
    const known = page([4, 3], "?before=3");
    const once = withOlder(known, page([2, 1]), "?before=3");
    expect(ids(withOlder(once, page([2, 1]), "?before=3"))).toEqual([4, 3, 2, 1]);
  });
  it("does not add a page that was asked for before all began anew", () => {
    const anew = page([9, 8], "?before=8");
    expect(withOlder(anew, page([2, 1]), "?before=3")).toBe(anew);
  });
});

describe("the address of the next page", () => {
  it("is taken by its query alone, since its host may be another one behind a proxy", () => {
    expect(nextQuery("http://inside:8010/plugins/lifecycle/api/v1/events?limit=50&before=9")).toBe(
      "?limit=50&before=9",
    );
  });
  it("is nothing at the end", () => {
    expect(nextQuery(null)).toBeNull();
  });
});
