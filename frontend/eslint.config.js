import js from "@eslint/js";
import jsxA11y from "eslint-plugin-jsx-a11y";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

/* The rooms of src/, from the ground up: a room knows those above it in this list, and none below. */
const ROOMS = [
  "contract",
  "model",
  "host",
  "server",
  "hooks",
  "ui",
  "features/act",
  "features/end",
  "features/force",
  "features/actions",
  "features/orphans",
  "features/instances",
  "features/stop",
  "features/worker",
  "features/workers",
  "features/episode",
  "features/timeline",
  "features/menu",
];

/* The pure part takes `now` as an argument and knows neither the page nor the network. */
const PURE = {
  "no-restricted-globals": ["error", "window", "document", "fetch", "setTimeout", "setInterval"],
  "no-restricted-properties": ["error", { object: "Date", property: "now" }],
};

const direction = ROOMS.map((room, floor) => {
  // An import is written from where it stands: another feature is `../force/Plan`.
  const above = ROOMS.slice(floor + 1).map((name) => `^(\\.\\./)+(features/)?${name.replace("features/", "")}/`);
  const patterns = above.length === 0 ? [] : [{ regex: above.join("|"), message: `${room}/ does not know that room.` }];
  if (room === "model" || room === "contract")
    patterns.push({ regex: "^(react|zustand)", message: "This room is pure." });
  return {
    files: [`src/${room}/**`],
    rules: {
      ...(room === "model" ? PURE : {}),
      "no-restricted-imports": ["error", { patterns }],
    },
  };
});

export default tseslint.config(
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  reactHooks.configs.flat.recommended,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Numbers in template strings are what a page of ages and counts is made of.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // Text is never turned into markup: there is no exception to this one.
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Show text as text." },
      ],
    },
  },
  { files: ["src/**"], ...jsxA11y.flatConfigs.strict },
  {
    files: ["src/**"],
    rules: {
      // What scrolls has to be reached by the keyboard, too.
      "jsx-a11y/no-noninteractive-tabindex": ["error", { tags: [], roles: ["region", "application"] }],
      // On a phone the rows are drawn as cards: browsers forget a table that is not drawn as one.
      "jsx-a11y/no-redundant-roles": ["error", { thead: ["rowgroup"], tbody: ["rowgroup"] }],
      "jsx-a11y/no-interactive-element-to-noninteractive-role": ["error", { td: ["cell"] }],
    },
  },
  ...direction,
  {
    // Scripts of Node's, outside the page and its types.
    files: ["tests/firefox/*.js"],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: { globals: { process: "readonly" }, parserOptions: { projectService: false } },
  },
  { ignores: ["eslint.config.js"] },
);
