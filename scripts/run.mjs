import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { projectNode } from "./setup/npm.mjs";
import { prepare } from "./setup/prepare.mjs";
import { SetupError } from "./setup/shell.mjs";
import { VERBS } from "./setup/verbs.mjs";

/**
 * What the npm scripts call: `node scripts/run.mjs VERB [arguments]` does the set-up that the verb
 * needs, then runs its TypeScript entry on the project's Node with the same arguments, signals and
 * exit code. Plain JavaScript without packages: it is the first thing that runs in a bare clone.
 */

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"];

const root = fileURLToPath(new URL("..", import.meta.url));

/** Starts the entry in a Node of its own and ends as it ends. */
function runElsewhere(node, argv, env) {
  const child = spawn(node, argv, { stdio: "inherit", env });
  // At a terminal Ctrl-C reaches the child by itself; sent twice it would mean "at once".
  const forward = (signal) => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      for (const name of FORWARDED) process.off(name, forward);
      if (signal !== null) process.kill(process.pid, signal);
      resolve(code ?? 1);
    });
  });
}

async function main() {
  const [verb, ...args] = process.argv.slice(2);
  if (verb === undefined || !Object.hasOwn(VERBS, verb)) {
    console.error(
      `Usage: node scripts/run.mjs VERB [arguments], with VERB one of ${Object.keys(VERBS).join(", ")}.`,
    );
    return 2;
  }
  const log = (line) => console.error(`set-up: ${line}`);
  const env = process.env;
  await prepare(root, verb, args, { env, log, isRoot: process.getuid?.() === 0 });
  const node = projectNode(root);
  const [entry, ...first] = VERBS[verb].entry;
  const argv = [join(root, entry), ...first, ...args];
  if (node !== process.execPath) return runElsewhere(node, argv, env);
  process.argv = [node, ...argv];
  await import(pathToFileURL(argv[0]).href);
  return undefined;
}

try {
  const code = await main();
  if (code !== undefined) process.exitCode = code;
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`set-up: ${error.message}`);
  process.exitCode = 1;
}
