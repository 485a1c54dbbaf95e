import { describe, expect, it } from "vitest";
import { DEFAULT_VIEW } from "../../src/model/arrange";
import { tiles } from "../../src/model/tiles";
import { building, idle, stopHangs } from "../situations";

const fleet = [stopHangs(), idle(), building(), building({ class: "DockerLatentWorker" })];
const counts = (list: { value: string; count: number }[]) =>
  Object.fromEntries(list.map(({ value, count }) => [value, count]));

describe("the tiles", () => {
  it("count each verdict, also those that nobody has, so that none changes its place", () => {
    expect(Object.entries(counts(tiles(fleet, DEFAULT_VIEW).verdicts))).toEqual([
      ["stuck", 1],
      ["attention", 0],
      ["failed", 0],
      ["unknown", 0],
      ["slow", 0],
      ["ok", 3],
    ]);
  });
  it("count the states that there are", () => {
    expect(counts(tiles(fleet, DEFAULT_VIEW).states)).toEqual({
      not_substantiated: 1,
      substantiated: 2,
      insubstantiating: 1,
    });
  });
  it("say what a press would show: under all other filters, not under their own", () => {
    const view = { ...DEFAULT_VIEW, verdict: "stuck", class: "DockerLatentWorker" };
    expect(counts(tiles(fleet, view).verdicts)).toMatchObject({ stuck: 0, ok: 1 });
    expect(tiles(fleet, view).states).toEqual([]);
  });
  it("keep the chosen one when nothing is left of it, or it could not be let go", () => {
    const { states } = tiles(fleet, { ...DEFAULT_VIEW, state: "shut_down" });
    expect(counts(states)).toMatchObject({ shut_down: 0 });
  });
  it("show a word that only the server knows", () => {
    expect(counts(tiles([idle({ state: "dreaming" })], DEFAULT_VIEW).states)).toEqual({ dreaming: 1 });
  });
});
