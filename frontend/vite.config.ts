import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { relative, resolve } from "node:path";
import { defineConfig } from "vitest/config";

/* Buildbot's page has these as globals. React must be the host's own copy: a second one, or the automatic JSX
   runtime, which the host does not have, blanks the whole of Buildbot. Hence the classic runtime. */
const hostGlobals: Record<string, string> = {
  react: "React",
  "react-dom": "ReactDOM",
  "react-router-dom": "ReactRouterDOM",
  "buildbot-data-js": "BuildbotDataJs",
  "buildbot-plugin-support": "BuildbotPluginSupport",
  "buildbot-ui": "BuildbotUi",
};

const src = resolve(import.meta.dirname, "src");
const short = resolve(src, "host/jsx.ts");

/** Of which source a script was built: one that came from a cache may be of another. */
const build = createHash("sha256");
for (const name of readdirSync(src, { recursive: true, encoding: "utf8" }).sort()) {
  if (/\.(tsx?|css)$/.test(name)) build.update(name).update(readFileSync(resolve(src, name)));
}

/* The second script (`--mode views`) has what src/parts.ts names from the page's script. */
const parts = [...readFileSync(resolve(src, "parts.ts"), "utf8").matchAll(/^ {2}"?([\w/]+)"?[:,]/gm)].map(
  ([, name]) => name,
);
const partOf = (id: string) => (id === "zustand" ? id : relative(src, id).replace(/\.tsx?$/, ""));

function isOutside(id: string, importer: string | undefined): boolean {
  if (id in hostGlobals) return true;
  if (importer === undefined) return false;
  const found = partOf(id.startsWith(".") ? resolve(importer, "..", id) : id);
  if (parts.includes(found)) return true;
  if (/^(server|hooks|ui|host|features\/(?!timeline|instances|episode))/.test(found) && found !== "host/jsx")
    throw new Error(`${found} has to stand in src/parts.ts: the second script would have another one of it`);
  return false;
}

const page = { entry: "index.tsx", name: "buildbotLifecyclePlugin", file: "scripts.js" };
const views = { entry: "views.ts", name: "buildbotLifecycleViews", file: "views.js" };

export default defineConfig(({ command, mode }) => {
  const isViews = mode === "views";
  const { entry, name, file } = isViews ? views : page;
  const globals = (id: string) => hostGlobals[id] ?? `buildbotLifecycleParts["${partOf(id)}"]`;
  return {
    // A UMD bundle has no `process`; the tests need React's development build.
    define: {
      __BUILD__: JSON.stringify(build.copy().digest("hex").slice(0, 8)),
      ...(command === "build" ? { "process.env.NODE_ENV": '"production"' } : {}),
    },
    // In the built page under short names: src/host/jsx.ts.
    oxc: { jsx: { runtime: "classic", ...(command === "build" ? { pragma: "h", pragmaFrag: "F" } : {}) } },
    build: {
      target: "es2020",
      outDir: resolve(import.meta.dirname, "../buildbot_lifecycle/static"),
      emptyOutDir: !isViews,
      lib: {
        entry: resolve(src, entry),
        name,
        formats: [isViews ? "iife" : "umd"],
        fileName: () => file,
        cssFileName: "styles",
      },
      rolldownOptions: {
        external: isViews ? isOutside : Object.keys(hostGlobals),
        transform: { inject: { h: [short, "h"], F: [short, "F"] } },
        output: { globals },
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
  };
});
