import { describe, expect, it } from "vitest";
import { readView, writeView } from "../../src/model/address";
import { DEFAULT_VIEW } from "../../src/model/arrange";

const through = (query: string) =>
  writeView(new URLSearchParams(query), readView(new URLSearchParams(query))).toString();

describe("the view in the address", () => {
  it("is the usual one when nothing is said", () => {
    expect(readView(new URLSearchParams())).toEqual(DEFAULT_VIEW);
  });
  it("comes back from the address as it was put there", () => {
    const view = {
      text: "a&b=ü",
      state: "insubstantiating",
      verdict: "stuck",
      class: "EC2LatentWorker",
      master: "2",
      sort: "since" as const,
      descending: true,
    };
    expect(readView(writeView(new URLSearchParams(), view))).toEqual(view);
  });
  it("does not write what is as usual", () => {
    expect(writeView(new URLSearchParams(), DEFAULT_VIEW).toString()).toBe("");
  });
  it("passes over an order that does not exist", () => {
    expect(readView(new URLSearchParams("order=-nonsense"))).toEqual(DEFAULT_VIEW);
  });
  it("leaves what others put into the address", () => {
    expect(through("other=1&q=x")).toBe("other=1&q=x");
  });
});
