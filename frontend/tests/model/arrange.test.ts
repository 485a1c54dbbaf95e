import { describe, expect, it } from "vitest";
import { DEFAULT_VIEW, arrange, type View } from "../../src/model/arrange";
import { building, idle, stopHangs, stopping, verdict } from "../situations";

const view = (change: Partial<View> = {}): View => ({ ...DEFAULT_VIEW, ...change });
const names = (...args: Parameters<typeof arrange>) => arrange(...args).map((worker) => worker.name);

const failed = idle({ workerid: 7, name: "ec2-7", verdict: verdict({ level: "failed" }) });
const fleet = [idle(), building(), stopping(), failed, stopHangs()];

describe("the order of the table", () => {
  it("puts the stuck first, then the failed, then the rest by name", () => {
    expect(names(fleet, view())).toEqual(["ec2-3", "ec2-7", "ec2-1", "ec2-4", "ec2-5"]);
  });
  it("keeps the stuck first whatever else is sorted by", () => {
    expect(names(fleet, view({ sort: "name", descending: true }))[0]).toBe("ec2-3");
    expect(names(fleet, view({ sort: "since" }))[0]).toBe("ec2-3");
  });
  it("shows the one that has been stuck longest before the others", () => {
    const older = stopHangs({ workerid: 8, name: "zz", verdict: verdict({ level: "stuck", since: 5 }) });
    expect(names([stopHangs(), older], view())).toEqual(["zz", "ec2-3"]);
  });
  it("counts numbers in names as numbers", () => {
    const workers = [idle({ workerid: 10, name: "ec2-10" }), idle({ workerid: 2, name: "ec2-2" })];
    expect(names(workers, view({ sort: "name" }))).toEqual(["ec2-2", "ec2-10"]);
  });
  it("does not take a level that it does not know for healthy", () => {
    const strange = idle({ workerid: 9, name: "zz", verdict: verdict({ level: "haunted" }) });
    expect(names([idle(), strange], view())).toEqual(["zz", "ec2-1"]);
  });
  it("leaves the list that it was given as it was", () => {
    const given = [idle(), stopHangs()];
    arrange(given, view());
    expect(given[0]?.name).toBe("ec2-1");
  });
});

describe("the filter", () => {
  it("finds a worker by its name, class, instance and the builder that builds on it", () => {
    expect(names(fleet, view({ text: "EC2-5" }))).toEqual(["ec2-5"]);
    expect(names(fleet, view({ text: "runtests" }))).toEqual(["ec2-5"]);
    expect(names(fleet, view({ text: "i-0abc" }))).toEqual(["ec2-3", "ec2-4"]);
    expect(names(fleet, view({ text: "ec2latent" }))).toHaveLength(fleet.length);
  });
  it("asks for all of text, state and verdict", () => {
    expect(names(fleet, view({ text: "ec2", state: "insubstantiating", verdict: "stuck" }))).toEqual(["ec2-3"]);
    expect(names(fleet, view({ text: "nobody" }))).toEqual([]);
  });
});
