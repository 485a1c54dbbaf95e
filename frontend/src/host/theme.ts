import { isDark } from "../model/theme";

/* The host's theme now, and word of its changes: the next Buildbot sets its colours as variables on the root element when
   the reader chooses another theme. Bootstrap 5 has an attribute for it. */

const WHERE = { attributes: true, attributeFilter: ["style", "class", "data-bs-theme"] };

export type Theme = "light" | "dark";

/** What the host paints, from the front to the back. */
function grounds(): HTMLElement[] {
  const root = document.getElementById("root");
  return [...(root === null ? [] : [root]), document.body, document.documentElement];
}

export function themeNow(): Theme {
  return isDark(...grounds().map((each) => getComputedStyle(each).backgroundColor)) ? "dark" : "light";
}

export function onTheme(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  for (const each of grounds()) observer.observe(each, WHERE);
  return () => {
    observer.disconnect();
  };
}
