import { describe, expect, it } from "vitest";
import { worded } from "../../src/model/words";

describe("a text of the server's", () => {
  it("names states as the page does", () => {
    expect(worded("the worker is not_substantiated now, and paused")).toBe(
      "the worker is not substantiated now, and paused",
    );
    expect(worded("still insubstantiating_substantiating")).toBe("still insubstantiating, substantiating");
    expect(worded("stop_instance has not ended")).toBe("stop_instance has not ended");
  });
});
