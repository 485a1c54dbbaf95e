import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

/* Buildbot's page has these as globals. React must be the host's own copy: a second one, or the automatic JSX
   runtime, which the host does not have, blanks the whole of Buildbot. Hence the classic runtime. */
const hostGlobals = {
  react: "React",
  "react-dom": "ReactDOM",
  "react-router-dom": "ReactRouterDOM",
  "buildbot-data-js": "BuildbotDataJs",
  "buildbot-plugin-support": "BuildbotPluginSupport",
  "buildbot-ui": "BuildbotUi",
};

const short = resolve(import.meta.dirname, "src/host/jsx.ts");

export default defineConfig(({ command }) => ({
  // A UMD bundle has no `process`; the tests need React's development build.
  define: command === "build" ? { "process.env.NODE_ENV": '"production"' } : {},
  // In the built page under short names: src/host/jsx.ts.
  oxc: { jsx: { runtime: "classic", ...(command === "build" ? { pragma: "h", pragmaFrag: "F" } : {}) } },
  build: {
    target: "es2020",
    outDir: resolve(import.meta.dirname, "../buildbot_lifecycle/static"),
    emptyOutDir: true,
    lib: {
      entry: resolve(import.meta.dirname, "src/index.tsx"),
      name: "buildbotLifecyclePlugin",
      formats: ["umd"],
      fileName: () => "scripts.js",
      cssFileName: "styles",
    },
    rolldownOptions: {
      external: Object.keys(hostGlobals),
      transform: {
        inject: {
          h: [short, "h"],
          F: [short, "F"],
        },
      },
      output: { globals: hostGlobals },
    },
  },
  test: {
    include: ["tests/**/*.test.{ts,tsx}"],
    env: { TZ: "UTC" },
    // On a machine that is busy with other tests; what waits, waits for what comes (tests/components/page.ts).
    testTimeout: 120_000,
    hookTimeout: 120_000,
    alias: {
      "buildbot-data-js": resolve(import.meta.dirname, "tests/host/data.ts"),
      "buildbot-plugin-support": resolve(import.meta.dirname, "tests/host/plugin-support.ts"),
      "buildbot-ui": resolve(import.meta.dirname, "tests/host/ui.ts"),
    },
  },
}));
