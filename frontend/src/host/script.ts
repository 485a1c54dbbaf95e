import type { views } from "../views";

/* Views that are a script of their own, fetched when a reader opens the first of them. */

export type Views = typeof views;

interface Script {
  views: Views;
  build: string;
}

/** Fetches the script of these views, which tells itself by a global. Rejects with words for the reader. */
export function fetchViews(): Promise<Views> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(`plugins/lifecycle/views.js?${__BUILD__}`, window.location.href).href;
    script.onload = () => {
      const told = (window as { buildbotLifecycleViews?: Script }).buildbotLifecycleViews;
      if (told?.build === __BUILD__) resolve(told.views);
      else reject(new Error("Buildbot has another version of this page by now. Reload it in the browser."));
    };
    script.onerror = () => {
      script.remove();
      reject(new Error("This view could not be fetched from Buildbot."));
    };
    document.head.append(script);
  });
}
