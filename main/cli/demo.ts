import { existsSync } from "node:fs";
import { readFile, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { VerdictReport } from "../../captures/verdict/report.ts";
import type { EngineName } from "../../captures/live/index.ts";
import { cutsOf, faultNamed, type FaultName } from "../lab/faults/index.ts";
import type { Lab } from "../lab/hosts.ts";
import { LabError, keeperOf } from "../lab/hosts.ts";
import type { JobResult, JobSetting } from "../lab/job/index.ts";
import { MainJob } from "../lab/job/index.ts";
import type { Testbed } from "../lab/testbed/index.ts";
import { formatTestbedError, openTestbed, parseTestbed } from "../lab/testbed/index.ts";
import { createVirtualLab } from "../lab/virtual/index.ts";
import { chooseSetting, type SettingOptions } from "./choose-setting.ts";
import { UsageError, exitCodes, failure } from "./exit-codes.ts";
import { agentAddonPaths, agentBundlePath, runsFolder, stateFolder } from "./places.ts";
import { awaitedTable, verdictTable } from "./print-verdict.ts";
import { ConsoleProgress } from "./progress.ts";

/** All of a run but its load: its firewall rules on real machines must last that much longer. */
const leaseReserveMs = 240_000;

/** The shortest run; one of ten seconds at 500 messages a second takes some 20 MiB. */
const leastRunBytes: number = 8 * 2 ** 20;

export interface DemoOptions extends SettingOptions {
  readonly lab: "auto" | "netns" | "loopback";
  readonly testbed?: string;
  readonly capture?: EngineName;
  readonly udpPort?: number;
}

/** Plays the main job and prints the verdict; answers the exit code. */
export async function demo(options: DemoOptions, signal: AbortSignal): Promise<number> {
  const testbed = options.testbed === undefined ? undefined : await readTestbed(options.testbed);
  const setting = chooseSetting(options, testbed);
  const progress = new ConsoleProgress();
  const agentBundle = await readAgent();
  await checkRunsDisk();
  progress.step(testbed === undefined ? "Make the lab" : "Open the testbed");
  const { lab, prepare } = await openLab(options, setting, testbed, progress);
  const result = await thenDispose(lab, progress, async () => {
    if (setting.keeper !== undefined) keeperOf(lab.hosts);
    refuseUncuttable(lab, setting.fault);
    await prepare(signal);
    for (const limit of lab.limits) progress.note(limit);
    return await MainJob.run({
      lab,
      setting,
      agentBundle,
      nodeBinary: process.execPath,
      agentAddons: agentAddonPaths(),
      runsDir: runsFolder(),
      captureEngine: options.capture,
      progress,
      signal,
    });
  });
  process.stdout.write(awaitedTable(result.awaited));
  process.stdout.write(verdictTable(result.report));
  const { folder, sqlite, pcapng } = result.folder;
  process.stdout.write(
    `\n  run     ${folder}\n  sqlite  ${sqlite}\n  pcapng  ${pcapng}\n\n  Look at it: npm start\n\n`,
  );
  return codeOfResult(result);
}

/** Better known before the load than in it. */
function refuseUncuttable(lab: Lab, fault: FaultName): void {
  if (lab.kind !== "loopback" || cutsOf(faultNamed(fault)).every((cut) => cut.whereItCan === true)) return;
  throw new LabError(
    `The fault ${fault} cuts links, which the loopback lab cannot: run as root on Linux, or on real machines.`,
  );
}

/** Takes the lab down whatever becomes of the work. Trouble with that is told, and never hides the work's own. */
async function thenDispose<T>(lab: Lab, progress: ConsoleProgress, work: () => Promise<T>): Promise<T> {
  let answer: T;
  try {
    answer = await work();
  } catch (error) {
    progress.step("Take the lab down");
    await lab.dispose().catch((trouble: unknown) => progress.note(`clean-up: ${failure(trouble).text}`));
    progress.end();
    throw error;
  }
  progress.step("Take the lab down");
  await lab.dispose();
  progress.end();
  return answer;
}

export function codeOf(report: VerdictReport): number {
  if (report.outcome === "pass") return exitCodes.passed;
  return report.outcome === "fail" ? exitCodes.checkFailed : exitCodes.inconclusive;
}

/** A fault after which something else came than was to come is a failed check, whatever the record says. */
function codeOfResult({ report, awaited }: JobResult): number {
  return awaited.every(({ came }) => came) ? codeOf(report) : exitCodes.checkFailed;
}

async function readAgent(): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(agentBundlePath));
  } catch (cause) {
    throw new LabError(`The agent is not built (${agentBundlePath} is missing): run npm run build first.`, {
      cause,
    });
  }
}

/** A run that finds the disk full on its way is lost: better known before anything is started. */
async function checkRunsDisk(): Promise<void> {
  let folder = runsFolder();
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= leastRunBytes) return;
  throw new LabError(
    `The disk for recorded runs (${runsFolder()}) has ${Math.floor(free / 1024)} KiB left and a run takes more than ${leastRunBytes / 2 ** 20} MiB: free some space, or set UNDERSTUDY_RUNS_DIR to a folder on another disk.`,
  );
}

interface OpenedLab {
  readonly lab: Lab;
  /** What is to be done to the hosts before a run; undone by the lab's `dispose`. */
  prepare(signal: AbortSignal): Promise<void>;
}

async function openLab(
  options: DemoOptions,
  setting: JobSetting,
  testbed: Testbed | undefined,
  progress: ConsoleProgress,
): Promise<OpenedLab> {
  const { udpPort } = options;
  if (testbed !== undefined) {
    const lab = openTestbed({ ...testbed, ...(udpPort !== undefined && { udpPort }) });
    const leaseMs = 2 * options.seconds * 1000 + leaseReserveMs;
    const cuts = cutsOf(faultNamed(setting.fault)).map((cut) => cut.place);
    return { lab, prepare: (signal) => lab.prepare({ leaseMs, cuts, signal }) };
  }
  const lab = await createVirtualLab({
    stateDir: stateFolder(),
    kind: options.lab,
    withKeeper: setting.keeper !== undefined,
    log: (line) => progress.note(line),
    ...(udpPort !== undefined && { udpPort }),
  });
  return { lab, prepare: () => Promise.resolve() };
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
