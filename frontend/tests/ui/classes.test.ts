import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const SRC = resolve(import.meta.dirname, "../../src");
const read = (ending: RegExp) =>
  readdirSync(SRC, { recursive: true, encoding: "utf8" })
    .filter((name) => ending.test(name))
    .map((name) => readFileSync(resolve(SRC, name), "utf8"))
    .join("\n");
const code = read(/\.tsx?$/);
const styles = read(/\.css$/);

test("a class that has a style stands in the code as it is written: it can be searched for", () => {
  const styled = new Set([...styles.matchAll(/\.(bbl(?:-[\w-]+)?)\b/g)].map((found) => found[1] ?? ""));
  expect(styled.size).toBeGreaterThan(100);
  const missing = [...styled].filter((name) => !new RegExp(`(?<![\\w-])${name}(?![\\w-])`).test(code));
  expect(missing).toEqual([]);
});

test("no class is put together from parts", () => {
  // The colours of the canvas are variables (`--bbl-`).
  expect(code.match(/(?<![\w-])(?:bbl|alert|btn|badge)(?:-\w+)*-\$\{/g)).toBeNull();
});
