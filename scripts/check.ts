import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pc from "picocolors";
import { checks } from "./checks.ts";
import type { Check } from "./checks.ts";

/** `npm run check`: types, lint, walls, dead code, format. One line a check; a tool speaks only when it fails. */

const root = fileURLToPath(new URL("..", import.meta.url));
const MAX_OUTPUT_CHARACTERS = 8 * 1024 * 1024;

interface Outcome {
  readonly ok: boolean;
  readonly output: string;
  readonly durationMs: number;
}

function runTool(check: Check): Promise<Outcome> {
  const started = performance.now();
  const child = spawn(process.execPath, [...check.argv], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (stdout.length < MAX_OUTPUT_CHARACTERS) stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (stderr.length < MAX_OUTPUT_CHARACTERS) stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      const judged = check.judge?.(root, stdout, code) ?? { ok: code === 0, output: stdout };
      const ending = signal === null ? "" : `${check.name} was ended by ${signal}\n`;
      resolve({
        ok: judged.ok && signal === null,
        output: `${judged.output}${stderr}${ending}`,
        durationMs: performance.now() - started,
      });
    });
  });
}

async function runAll(selected: readonly Check[]): Promise<boolean> {
  const waiting = [...selected];
  const width = Math.max(...selected.map((check) => check.name.length));
  let allOk = true;
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const outcome = await runTool(check);
      allOk &&= outcome.ok;
      const sign = outcome.ok ? pc.green("ok  ") : pc.red("FAIL");
      const seconds = (outcome.durationMs / 1000).toFixed(1).padStart(5);
      console.log(`${sign} ${check.name.padEnd(width)} ${seconds} s  ${check.what}`);
      if (!outcome.ok) console.log(outcome.output.trimEnd().replaceAll(/^/gm, "     "));
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));
  return allOk;
}

function select(only: readonly string[]): readonly Check[] {
  const unknown = only.find((name) => !checks.some((check) => check.name === name));
  if (unknown !== undefined) {
    const names = checks.map((check) => check.name).join(", ");
    console.error(`There is no check named ${unknown}; choose from ${names}.`);
    process.exit(2);
  }
  return only.length === 0 ? checks : checks.filter((check) => only.includes(check.name));
}

const { values } = parseArgs({ options: { only: { type: "string", multiple: true, default: [] } } });
process.exitCode = (await runAll(select(values.only))) ? 0 : 1;
