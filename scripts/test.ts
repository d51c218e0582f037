import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** `npm test`: the checks, the bundles, then all tests; each is run whatever became of the one before. */

const root = fileURLToPath(new URL("..", import.meta.url));

function runStage(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  const child = spawn(process.execPath, [...argv], { cwd: root, env, stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code === 0));
  });
}

const stages: readonly (readonly [name: string, script: string])[] = [
  ["check", "scripts/check.ts"],
  ["build", "scripts/build.ts"],
];

const failed: string[] = [];
for (const [name, script] of stages) {
  console.log(`\n== ${name}`);
  if (!(await runStage([script], process.env))) failed.push(name);
}
console.log("\n== tests");
// Vitest's last line must count the tests, so it is told here what failed before them.
const env = { ...process.env, UNDERSTUDY_FAILED_STAGES: failed.join(", ") };
const testsPass = await runStage(["node_modules/vitest/vitest.mjs", "run", ...process.argv.slice(2)], env);
process.exitCode = failed.length === 0 && testsPass ? 0 : 1;
