import js from "@eslint/js";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

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
  {
    // The pure part takes `now` as an argument and knows neither the page nor the network.
    files: ["src/model/**"],
    rules: {
      "no-restricted-globals": ["error", "window", "document", "fetch", "setTimeout", "setInterval"],
      "no-restricted-properties": ["error", { object: "Date", property: "now" }],
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            "react*",
            "../hooks/*",
            "../views/*",
            "../components/*",
            "../api/client*",
            "../api/live*",
            "../api/fleet*",
          ],
        },
      ],
    },
  },
  {
    // Scripts of Node's, outside the page and its types.
    files: ["tests/firefox/*.js"],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: { globals: { process: "readonly" }, parserOptions: { projectService: false } },
  },
  { ignores: ["eslint.config.js"] },
);
