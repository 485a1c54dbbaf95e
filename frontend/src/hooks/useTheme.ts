import { useSyncExternalStore } from "react";
import { onTheme, themeNow, type Theme } from "../host/theme";

/** The host's theme. */
export function useTheme(): Theme {
  return useSyncExternalStore(onTheme, themeNow);
}
