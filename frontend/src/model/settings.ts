import type { RangeName } from "./ranges";
import { RANGES } from "./ranges";

/* What a reader can set on Buildbot's own settings page, kept by Buildbot in his browser. */

export const GROUP = "Lifecycle";

/* A stop that failed needs attention while its instance may run: who wants failures counted wants that one too. */
const BADGES = {
  stuck: ["stuck"],
  "stuck and attention": ["stuck", "attention"],
  "stuck and failed": ["stuck", "attention", "failed"],
  nothing: [],
} as const;
type Badge = keyof typeof BADGES;

export const DEFAULTS = { range: "6 h", page_size: 50, badge: "stuck" } as const;

export const SETTINGS = {
  name: GROUP,
  caption: "Latent workers",
  items: [
    {
      type: "choice_combo" as const,
      name: "range",
      caption: "How far back the timeline looks at first",
      choices: RANGES.map((range) => range.name),
      defaultValue: DEFAULTS.range,
    },
    {
      type: "integer" as const,
      name: "page_size",
      caption: "Rows on a page of episodes, events, orphans and actions (5 to 500)",
      defaultValue: DEFAULTS.page_size,
    },
    {
      type: "choice_combo" as const,
      name: "badge",
      caption: "What the number beside the menu entry counts",
      choices: Object.keys(BADGES),
      defaultValue: DEFAULTS.badge,
    },
  ],
};

export interface Settings {
  range: RangeName;
  pageSize: number;
  badge: readonly string[];
}

/** Anything may stand in the browser's storage: what makes no sense is as if it were not there. */
export function readSettings(range: unknown, pageSize: unknown, badge: unknown): Settings {
  const size = typeof pageSize === "number" && Number.isFinite(pageSize) ? Math.round(pageSize) : DEFAULTS.page_size;
  return {
    range: RANGES.find((each) => each.name === range)?.name ?? DEFAULTS.range,
    pageSize: Math.min(500, Math.max(5, size)),
    badge: BADGES[typeof badge === "string" && Object.keys(BADGES).includes(badge) ? (badge as Badge) : DEFAULTS.badge],
  };
}
