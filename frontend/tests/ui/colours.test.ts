import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const SRC = resolve(import.meta.dirname, "../../src");
const read = (path: string) => readFileSync(resolve(SRC, path), "utf8");
const styles = read("ui/theme.css");
const all = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".css"))
  .map(read)
  .join("\n");

/** The variables that a rule of this selector sets. */
function setBy(selector: string): string[] {
  const body = styles.split(`\n${selector} {`)[1]?.split("}")[0] ?? "";
  return [...body.matchAll(/(--bbl-[\w-]+):/g)].map((found) => found[1] ?? "").sort();
}

test("the dark theme has a colour for each that the light one has", () => {
  expect(setBy(".bbl").length).toBeGreaterThan(10);
  expect(setBy('.bbl[data-bs-theme="dark"]')).toEqual(setBy(".bbl"));
});

test("every colour that is used is in the table, also those of the canvas", () => {
  const used = [...all.matchAll(/var\((--bbl-[\w-]+)\)/g)].map((found) => found[1]);
  const canvas = [...read("features/timeline/palette.ts").matchAll(/"(\w+)"/g)].map(
    (found) => `--bbl-${found[1] ?? ""}`,
  );
  expect(canvas.length).toBeGreaterThan(5);
  expect(setBy(".bbl")).toEqual(expect.arrayContaining([...used, ...canvas]));
});

test("what is drawn on the canvas has no theme's colour of its own", () => {
  expect(read("features/timeline/paint.ts")).not.toMatch(/#[0-9a-f]{3,6}\b/i);
});
