import { readFile } from "node:fs/promises";
import type { VerdictReport } from "../../captures/verdict/report.ts";
import type { JobResult } from "../lab/job/index.ts";
import type { Testbed } from "../lab/testbed/index.ts";
import { formatTestbedError, parseTestbed } from "../lab/testbed/index.ts";
import { chooseSetting } from "./choose-setting.ts";
import { UsageError, exitCodes } from "./exit-codes.ts";
import { type DemoOptions, play } from "./play.ts";
import { awaitedTable, verdictTable } from "./print-verdict.ts";
import { ConsoleProgress } from "./progress.ts";

/** Plays the main job and prints the verdict; answers the exit code. */
export async function demo(options: DemoOptions, signal: AbortSignal): Promise<number> {
  const testbed = options.testbed === undefined ? undefined : await readTestbed(options.testbed);
  const setting = chooseSetting(options, testbed);
  const progress = new ConsoleProgress();
  const result = await play({ options, setting, testbed, progress, signal }).finally(() => progress.end());
  process.stdout.write(awaitedTable(result.awaited));
  process.stdout.write(verdictTable(result.report));
  const { folder, sqlite, pcapng } = result.folder;
  process.stdout.write(
    `\n  run     ${folder}\n  sqlite  ${sqlite}\n  pcapng  ${pcapng}\n\n  Look at it: npm start\n\n`,
  );
  return codeOfResult(result);
}

export function codeOf(report: VerdictReport): number {
  if (report.outcome === "pass") return exitCodes.passed;
  return report.outcome === "fail" ? exitCodes.checkFailed : exitCodes.inconclusive;
}

/** A fault after which something else came than was to come is a failed check, whatever the record says. */
function codeOfResult({ report, awaited }: JobResult): number {
  return awaited.every(({ came }) => came) ? codeOf(report) : exitCodes.checkFailed;
}

async function readTestbed(path: string): Promise<Testbed> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new UsageError(`The testbed file ${path} cannot be read: check its name.`, { cause });
  }
  const parsed = parseTestbed(text, path);
  if (parsed.ok) return parsed.testbed;
  throw new UsageError(parsed.errors.map((error) => formatTestbedError(path, error)).join("\n"));
}
