import { describe, expect, it } from "vitest";
import type { Worker } from "../../src/api/types";
import { refusedWords, worded } from "../../src/model/words";

import { idle } from "../situations";

describe("refused connections", () => {
  const words = (change: Partial<Worker>) => refusedWords(idle(change));
  it("are told as those that are open now and those that were refused so far", () => {
    expect(words({ refused: 41, held: 41, refused_open: 2 })).toBe(
      "2 refused connections open now; 41 connections refused since the last episode began",
    );
    expect(words({ refused: 1, held: 1, refused_open: 0 })).toBe(
      "1 connection refused since the last episode began, none of them open now",
    );
  });
  it("are not said to be open where that is not known", () => {
    expect(words({ refused: 41, held: 41, refused_open: null })).toBe(
      "41 connections refused since the last episode began",
    );
  });
  it("are not told where there were none", () => {
    expect(words({})).toBe("");
  });
});

describe("a text of the server's", () => {
  it("names states as the page does", () => {
    expect(worded("the worker is not_substantiated now, and paused")).toBe(
      "the worker is not substantiated now, and paused",
    );
    expect(worded("still insubstantiating_substantiating")).toBe("still insubstantiating, substantiating");
    expect(worded("stop_instance has not ended")).toBe("stop_instance has not ended");
  });
});
