import { describe, expect, it } from "vitest";
import {
  arrangeInstances,
  cannotList,
  cannotListWords,
  censusLine,
  placeTrouble,
  standingGloss,
  standingTiles,
  whyNotWords,
} from "../../src/model/instances";
import { safeLink } from "../../src/model/links";
import { NOW, instance, nobodys, place } from "../situations";

const ALL = { standing: "", text: "", place: "" };
const census = { total: 0, taken: NOW, taking: false };
const missing = instance({ id: "m", name: "i-m", standing: "missing" });
const frozen = place({
  place: "Docker at unix:///run/docker.sock",
  error: { why: "timeout", text: "no answer in 20 s" },
});

describe("the instances", () => {
  it("come nobody's first, then missing ones, and the oldest of them first", () => {
    const names = arrangeInstances(
      [instance(), missing, nobodys({ name: "young", born: NOW }), nobodys({ name: "old", born: NOW - 9000 })],
      ALL,
    ).map(({ name }) => name);
    expect(names).toEqual(["old", "young", "i-m", "i-0aa"]);
  });
  it("with a standing that a newer server has are not told as calm", () => {
    const strange = instance({ name: "strange", standing: "haunted" });
    expect(arrangeInstances([missing, strange], ALL)[0]?.name).toBe("strange");
  });
  it("are found by a part of the name, the worker or the place", () => {
    const found = (text: string) => arrangeInstances([instance(), nobodys()], { ...ALL, text }).map(({ id }) => id);
    expect(found("0BB")).toEqual(["1-00bb"]);
    expect(found(" ec2-1 ")).toEqual(["1-00aa"]);
    expect(found("eu-west")).toHaveLength(2);
  });
  it("are counted by standing under the other filters, with a place for those that matter most", () => {
    const tiles = standingTiles([instance(), nobodys()], { ...ALL, standing: "up", text: "i-0bb" });
    expect(tiles).toEqual([
      { value: "nobodys", count: 1 },
      { value: "missing", count: 0 },
      { value: "in_ledger", count: 0 },
      { value: "up", count: 0 },
    ]);
  });
  it("say why it is not known whose they are", () => {
    expect(standingGloss({ standing: "unknown", why: "seen_once" })).toBe("it was seen once; a second look will tell");
    expect(standingGloss({ standing: "unknown", why: "moon_phase" })).toBe("moon phase");
    expect(whyNotWords("seen_once")).toBe("");
    expect(whyNotWords("healthy")).toContain("healthy worker");
  });
});

describe("a place that did not answer", () => {
  it("is said in words: what runs there is not known, not none", () => {
    expect(placeTrouble(frozen)).toBe(
      "Docker at unix:///run/docker.sock: no answer in 20 s; what runs there is not known.",
    );
    expect(placeTrouble(place())).toBeNull();
    expect(placeTrouble(place({ can_list: false }))).toBeNull();
  });
  it("is one line for all classes whose drivers cannot list", () => {
    const places = ["B", "A"].map((each) => place({ place: each, class: each, asked: null, can_list: false }));
    expect(cannotList([place(), ...places])).toEqual(["A", "B"]);
    expect(cannotListWords(["A", "B"])).toBe(
      "2 classes of workers cannot list their instances: what nobody owns is not known of them.",
    );
    expect(censusLine([instance()], [place(), ...places], census)).toEqual({
      level: "unknown",
      text: "No instance is known to run for nobody, but 2 classes of workers cannot be listed.",
    });
  });
});

describe("the line at the top", () => {
  it("tells of nobody's, missing and possible ones", () => {
    expect(censusLine([nobodys(), missing, instance()], [place()], census)).toEqual({
      level: "warning",
      text: "1 instance runs for nobody; 1 instance that the master believes up is missing.",
    });
  });
  it("is green only where each place has answered", () => {
    expect(censusLine([instance()], [place()], census).level).toBe("ok");
    expect(censusLine([instance()], [place(), frozen], census)).toEqual({
      level: "unknown",
      text: "No instance is known to run for nobody, but what runs in 1 of 2 places is not known.",
    });
  });
  it("does not tell what no cloud was asked about as known", () => {
    expect(censusLine([], [], { ...census, taken: null }).level).toBe("unknown");
  });
});

it("a link of a driver's is opened only where it leads to the web", () => {
  expect(safeLink("https://console.example/i-0aa")).not.toBeNull();
  expect(safeLink("javascript:alert(1)")).toBeNull();
  expect(safeLink(null)).toBeNull();
});
