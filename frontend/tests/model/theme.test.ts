import { expect, test } from "vitest";
import { isDark } from "../../src/model/theme";

test("the ground tells the theme, whatever colours an administrator has chosen", () => {
  expect(isDark("rgb(30, 30, 46)")).toBe(true);
  expect(isDark("rgb(255, 255, 255)")).toBe(false);
  expect(isDark("rgb(255, 250, 205)")).toBe(false);
  expect(isDark("rgba(0, 43, 54, 0.98)")).toBe(true);
});

test("what paints nothing is looked through, and nothing at all is white", () => {
  expect(isDark("rgba(0, 0, 0, 0)", "rgb(30, 30, 46)", "rgb(255, 255, 255)")).toBe(true);
  expect(isDark("transparent", "rgb(255, 255, 255)")).toBe(false);
  expect(isDark("rgba(0, 0, 0, 0)", "")).toBe(false);
  expect(isDark()).toBe(false);
});
