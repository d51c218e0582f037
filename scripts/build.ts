import { build, type BuildOptions } from "esbuild";
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Makes what is shipped: `dist/agent.mjs` (one file for Node 20 and later), `dist/renderer/*` and
 * `dist/electron/*`. `node scripts/build.ts [agent] [renderer] [electron]`; all three without a name.
 */

export type Target = "agent" | "renderer" | "electron";

const ROOT: string = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Packages with native parts, or that live inside Electron, are found at run time. */
const EXTERNAL_PACKAGES: string[] = ["electron", "better-sqlite3", "cap", "ssh2"];

/** CommonJS packages inside an ESM bundle call `require` for Node's own modules. */
const REQUIRE_BANNER =
  'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);';

function common(entry: string, outfile: string): BuildOptions {
  return {
    entryPoints: [join(ROOT, entry)],
    outfile: join(ROOT, outfile),
    bundle: true,
    legalComments: "eof",
    logLevel: "warning",
  };
}

function nodeBundle(entry: string, outfile: string, target: string): BuildOptions {
  return {
    ...common(entry, outfile),
    platform: "node",
    format: "esm",
    target,
    external: EXTERNAL_PACKAGES,
    banner: { js: REQUIRE_BANNER },
  };
}

function plans(target: Target): BuildOptions[] {
  switch (target) {
    case "agent":
      return [nodeBundle("agents/host/entry.ts", "dist/agent.mjs", "node20")];
    case "renderer": {
      const browser: BuildOptions = { target: ["chrome120", "firefox120", "safari17"], minify: true };
      return [
        {
          ...common("renderer/entry.tsx", "dist/renderer/app.js"),
          ...browser,
          platform: "browser",
          format: "esm",
          jsx: "automatic",
          define: { "process.env.NODE_ENV": '"production"' },
        },
        { ...common("renderer/styles/app.css", "dist/renderer/app.css"), ...browser },
      ];
    }
    case "electron":
      return [
        nodeBundle("main/electron/main.ts", "dist/electron/main.mjs", "node24"),
        nodeBundle("main/electron/lab-service.ts", "dist/electron/lab-service.mjs", "node24"),
        {
          // A sandboxed preload script is CommonJS and may require nothing but `electron`.
          ...common("main/electron/preload.ts", "dist/electron/preload.cjs"),
          platform: "node",
          format: "cjs",
          target: "node24",
          external: ["electron"],
        },
      ];
  }
}

/** Throws with esbuild's own message where a source does not build. */
export async function buildTarget(target: Target): Promise<void> {
  for (const plan of plans(target)) await build(plan);
  if (target === "renderer") {
    const folder = join(ROOT, "dist/renderer");
    await mkdir(folder, { recursive: true });
    await copyFile(join(ROOT, "renderer/index.html"), join(folder, "index.html"));
  }
}

const ALL: readonly Target[] = ["agent", "renderer", "electron"];

function isTarget(name: string): name is Target {
  return (ALL as readonly string[]).includes(name);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2);
  const wrong = names.find((name) => !isTarget(name));
  if (wrong !== undefined) {
    process.stderr.write(`There is no build target "${wrong}"; the targets are ${ALL.join(", ")}.\n`);
    process.exit(64);
  }
  for (const target of names.length === 0 ? ALL : names.filter(isTarget)) await buildTarget(target);
}
