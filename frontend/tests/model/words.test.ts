import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { Worker } from "../../src/contract/types";
import { actorWords, codeWords, outcomeWords, refusedWords, worded } from "../../src/model/words";

import { idle } from "../situations";

describe("refused connections", () => {
  const words = (change: Partial<Worker>) => refusedWords(idle(change));
  it("are told as those that are open now and those that were refused so far", () => {
    expect(words({ refused: 41, held: 41, refused_open: 2 })).toBe("2 refused connections open now, 41 refused so far");
    expect(words({ refused: 1, held: 1, refused_open: 0 })).toBe("1 connection refused so far, none open now");
  });
  it("are not said to be open where that is not known", () => {
    expect(words({ refused: 41, held: 41, refused_open: null })).toBe("41 connections refused so far");
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

const page = (name: string) => readFileSync(resolve(import.meta.dirname, `../../../docs/${name}.md`), "utf-8");
/** The first cells of the table below this heading. */
const cells = (text: string, heading: string) =>
  [...(text.split(heading)[1] ?? "").matchAll(/^\| `(\w+)` \|/gm)].map((found) => String(found[1]));

describe("what the docs name", () => {
  it("has words of its own on the page: verdicts", () => {
    const codes = cells(page("reading-the-page"), "## Verdicts");
    expect(codes.length).toBeGreaterThan(20);
    for (const code of codes.filter((each) => each !== "healthy")) {
      expect(codeWords(code), code).not.toBe(code.replaceAll("_", " "));
    }
  });
  it("has words of its own on the page: outcomes", () => {
    const outcomes = cells(page("rest"), "| outcome | |").slice(0, 6);
    for (const outcome of outcomes) expect(outcomeWords(outcome), outcome).not.toContain("_");
    expect(outcomeWords("lost")).toContain("went away");
  });
});

describe("who did something", () => {
  it("is told by the kind: a user named like a policy is not the policy", () => {
    expect(actorWords("policy:auto_release", "policy")).toBe("the policy auto_release");
    expect(actorWords("policy:auto_release", "user")).toBe("policy:auto_release");
    expect(actorWords("shutdown", "user")).toBe("shutdown");
    expect(actorWords("shutdown", "shutdown")).toBe("the stop of the master");
    expect(actorWords("ann", undefined)).toBe("ann");
  });
});
