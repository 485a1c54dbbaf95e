import { describe, expect, it } from "vitest";
import { SETTINGS, readSettings } from "../../src/model/settings";

describe("what the reader has set", () => {
  it("is as usual where nothing was set, or nonsense", () => {
    const usual = { range: "6 h", pageSize: 50, badge: ["stuck"] };
    expect(readSettings(undefined, undefined, undefined)).toEqual(usual);
    expect(readSettings("7 y", NaN, "constructor")).toEqual(usual);
  });
  it("is kept within what the server gives", () => {
    expect(readSettings("1 d", 100_000, "nothing")).toEqual({ range: "1 d", pageSize: 500, badge: [] });
    expect(readSettings("1 d", 0, "stuck and failed")).toEqual({
      range: "1 d",
      pageSize: 5,
      badge: ["stuck", "attention", "failed"],
    });
    expect(readSettings("1 d", 50, "stuck and attention").badge).toEqual(["stuck", "attention"]);
  });
  it("has a default that can be chosen", () => {
    for (const item of SETTINGS.items) {
      if ("choices" in item) expect(item.choices).toContain(item.defaultValue);
    }
  });
});
