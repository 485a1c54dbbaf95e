// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import { onTheme, themeNow } from "../../src/host/theme";

const told = () => new Promise((resolve) => setTimeout(resolve, 0));

afterEach(() => {
  document.body.replaceChildren();
  document.documentElement.removeAttribute("style");
  document.documentElement.removeAttribute("data-bs-theme");
  document.body.removeAttribute("style");
});

test("a page without colours of its own is light", () => {
  expect(themeNow()).toBe("light");
});

test("the host's root element lies over the body, which Bootstrap leaves white", () => {
  document.body.style.backgroundColor = "rgb(255, 255, 255)";
  const root = document.createElement("div");
  root.id = "root";
  root.style.backgroundColor = "rgb(30, 30, 46)";
  document.body.append(root);
  expect(themeNow()).toBe("dark");
});

test("a change by variables and one by Bootstrap's attribute are both told, until nobody asks any more", async () => {
  const changed = vi.fn();
  const stop = onTheme(changed);
  document.documentElement.style.setProperty("--bb-background-color", "#1e1e2e");
  await told();
  expect(changed).toHaveBeenCalledTimes(1);
  document.documentElement.setAttribute("data-bs-theme", "dark");
  await told();
  expect(changed).toHaveBeenCalledTimes(2);
  stop();
  document.documentElement.setAttribute("data-bs-theme", "light");
  await told();
  expect(changed).toHaveBeenCalledTimes(2);
});
