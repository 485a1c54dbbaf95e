import { isDark } from "../model/theme";

/* The host's theme now, and word of its changes: the next Buildbot sets its colours as variables on the root element when
   the reader chooses another theme. Bootstrap 5 has an attribute for it. */

const WHERE = { attributes: true, attributeFilter: ["style", "class", "data-bs-theme"] };

export type Theme = "light" | "dark";

export function themeNow(): Theme {
  const grounds = [document.body, document.documentElement].map((each) => getComputedStyle(each).backgroundColor);
  return isDark(...grounds) ? "dark" : "light";
}

export function onTheme(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, WHERE);
  observer.observe(document.body, WHERE);
  return () => {
    observer.disconnect();
  };
}
