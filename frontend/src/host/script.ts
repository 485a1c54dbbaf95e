import type React from "react";

/* Views that are a script of their own, fetched when a reader opens one. */

interface Script {
  View: React.ComponentType;
  build: string;
}

/** Fetches the script of the timeline, which tells itself by a global. Rejects with words for the reader. */
export function fetchTimeline(): Promise<React.ComponentType> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(`plugins/lifecycle/timeline.js?${__BUILD__}`, window.location.href).href;
    script.onload = () => {
      const told = (window as { buildbotLifecycleTimeline?: Script }).buildbotLifecycleTimeline;
      if (told?.build === __BUILD__) resolve(told.View);
      else reject(new Error("Buildbot has another version of this page by now. Reload it in the browser."));
    };
    script.onerror = () => {
      script.remove();
      reject(new Error("The timeline could not be fetched from Buildbot."));
    };
    document.head.append(script);
  });
}
