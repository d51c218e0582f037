import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectNode } from "./npm.mjs";
import { lastLines, run, SetupError } from "./shell.mjs";

const SOURCES = ["agents", "captures", "main", "renderer", "scripts", "package-lock.json"];

function newestMs(path) {
  const own = statSync(path);
  if (!own.isDirectory()) return own.mtimeMs;
  let newest = own.mtimeMs;
  for (const entry of readdirSync(path)) newest = Math.max(newest, newestMs(join(path, entry)));
  return newest;
}

const stampFile = (root) => join(root, "dist", ".built");

/** True when dist/ was built after the last change of any source file. */
export function bundlesReady(root) {
  const built = statSync(stampFile(root), { throwIfNoEntry: false })?.mtimeMs;
  if (built === undefined) return false;
  return SOURCES.every((name) => !existsSync(join(root, name)) || newestMs(join(root, name)) <= built);
}

/** Bundles the agent and the interface. Throws SetupError: neither the demo nor the interface runs without. */
export async function buildBundles(root, { env, log }) {
  if (bundlesReady(root)) return;
  log("Building the agent and the interface");
  const startedMs = Date.now();
  const { code, output } = await run(projectNode(root), [join(root, "scripts", "build.ts")], {
    cwd: root,
    env,
  });
  if (code !== 0) throw new SetupError(`The build failed:\n${lastLines(output, 30)}`);
  // Dated at the start: a file that changes during the build counts as newer.
  writeFileSync(stampFile(root), "");
  utimesSync(stampFile(root), startedMs / 1000, startedMs / 1000);
}
