import { describe, expect, it } from "vitest";
import { explainForce, explainPage, mayOverride, pausesAfterwards } from "../../src/model/refusals";
import { building, idle, plan, stopping } from "../situations";

const failure = (status: number, code: string, details: Record<string, unknown> = {}) => ({
  status,
  code,
  message: "Said the server.",
  details,
});

describe("a refused disconnect", () => {
  it("that got no answer may have been done, and the page says so instead of offering to repeat it", () => {
    const { text, next } = explainForce(failure(0, "timeout"));
    expect(text).toContain("may or may not have been done");
    expect(next).toBe("reload");
  });
  it("of an episode that is over offers to look again", () => {
    expect(explainForce(failure(412, "episode_changed", { episode: 18 }))).toMatchObject({
      title: "Already gone on",
      next: "reload",
    });
  });
  it("that is not eligible tells state, age and limit", () => {
    const details = { state: "insubstantiating", age_s: 40, threshold_s: 300 };
    expect(explainForce(failure(409, "not_eligible", details)).text).toContain(
      "It is insubstantiating for 40 s; it counts as stuck after 5 min.",
    );
  });
  it("keeps what was typed when the recorder could not write", () => {
    expect(explainForce(failure(503, "behind")).next).toBe("retry");
  });
  it.each([
    [401, "not_logged_in", "Log in"],
    [403, "forbidden", "administrator"],
    [403, "bad_origin", "allowed_origins"],
  ])("with %s %s says what would open the door", (status, code, words) => {
    expect(explainForce(failure(status, code)).text).toContain(words);
  });
  it.each([401, 403, 409, 412, 503, 400])("with %s says that nothing was done", (status) => {
    expect(explainForce(failure(status, "x")).text).toContain("Nothing was done.");
  });
  it("does not say that nothing was done when the server failed on the way", () => {
    expect(explainForce(failure(500, "internal")).text).not.toContain("Nothing was done.");
  });
});

describe("the override", () => {
  const refused = (code: string) => plan({ eligible: false, code });
  it("is offered for a worker that is not stuck yet", () => {
    expect(mayOverride(refused("not_eligible"), stopping())).toBe(true);
  });
  it("is offered while a build waits behind the stop: the build is not running", () => {
    expect(mayOverride(refused("not_eligible"), stopping({ building: building().building }))).toBe(true);
  });
  it("is not offered for a worker that is building", () => {
    expect(mayOverride(refused("not_eligible"), building())).toBe(false);
  });
  it("is not offered when there is nothing to release", () => {
    expect(mayOverride(refused("nothing_to_release"), idle())).toBe(false);
  });
});

describe("the pause", () => {
  it("is as the dry run found it configured, until the reader says otherwise", () => {
    const without = plan({ steps: plan().steps.filter((step) => step.step !== "pause") });
    expect(pausesAfterwards(plan(), null)).toBe(true);
    expect(pausesAfterwards(without, null)).toBe(false);
    expect(pausesAfterwards(without, true)).toBe(true);
    expect(pausesAfterwards(plan(), false)).toBe(false);
  });
});

describe("a page that has nothing to show", () => {
  it("says what keeps the recorder from its work as the master says it, once", () => {
    expect(explainPage(failure(503, "not_ready")).text).toBe("Said the server.");
  });
  it("tells a stranger to log in", () => {
    expect(explainPage(failure(401, "not_logged_in")).text).toContain("Log in");
  });
});
