import { readFile } from "node:fs/promises";
import type { VerdictReport } from "../../captures/verdict/report.ts";
import type { EngineName } from "../../captures/live/index.ts";
import type { Lab } from "../lab/hosts.ts";
import { LabError } from "../lab/hosts.ts";
import type { JobResult, PeerKind, TimerChoice } from "../lab/job/index.ts";
import { MainJob, defaultSetting } from "../lab/job/index.ts";
import { formatTestbedError, openTestbed, parseTestbed } from "../lab/testbed/index.ts";
import { createVirtualLab } from "../lab/virtual/index.ts";
import { UsageError, exitCodes } from "./exit-codes.ts";
import { agentBundlePath, runsFolder, stateFolder } from "./places.ts";
import { verdictTable } from "./print-verdict.ts";
import { ConsoleProgress } from "./progress.ts";

export interface DemoOptions {
  readonly peer: PeerKind;
  readonly timers: TimerChoice;
  readonly lab: "auto" | "netns" | "loopback";
  readonly testbed?: string;
  readonly rate: number;
  readonly size: number;
  readonly streams: number;
  readonly seconds: number;
  readonly capture?: EngineName;
  readonly udpPort?: number;
}

/** Plays the main job and prints the verdict; answers the exit code. */
export async function demo(options: DemoOptions, signal: AbortSignal): Promise<number> {
  const progress = new ConsoleProgress();
  const agentBundle = await readAgent();
  progress.step(options.testbed === undefined ? "Make the lab: hosts a, b and peer" : "Open the testbed");
  const lab = await openLab(options, progress);
  let result: JobResult;
  try {
    for (const limit of lab.limits) progress.note(limit);
    result = await MainJob.run({
      lab,
      setting: {
        ...defaultSetting,
        peer: options.peer,
        timers: options.timers,
        ratePerSecond: options.rate,
        sizeBytes: options.size,
        streams: options.streams,
        beforeFaultMs: options.seconds * 1000,
        afterFaultMs: options.seconds * 1000,
      },
      agentBundle,
      nodeBinary: process.execPath,
      runsDir: runsFolder(),
      captureEngine: options.capture,
      progress,
      signal,
    });
  } finally {
    progress.step("Take the lab down");
    await lab.dispose();
    progress.end();
  }
  process.stdout.write(verdictTable(result.report));
  const { folder, sqlite, pcapng } = result.folder;
  process.stdout.write(
    `\n  run     ${folder}\n  sqlite  ${sqlite}\n  pcapng  ${pcapng}\n\n  Look at it: npm start\n\n`,
  );
  return codeOf(result.report);
}

export function codeOf(report: VerdictReport): number {
  if (report.outcome === "pass") return exitCodes.passed;
  return report.outcome === "fail" ? exitCodes.checkFailed : exitCodes.inconclusive;
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

async function openLab(options: DemoOptions, progress: ConsoleProgress): Promise<Lab> {
  if (options.testbed === undefined) {
    const { udpPort } = options;
    return await createVirtualLab({
      stateDir: stateFolder(),
      kind: options.lab,
      log: (line) => progress.note(line),
      ...(udpPort === undefined ? {} : { udpPort }),
    });
  }
  let text: string;
  try {
    text = await readFile(options.testbed, "utf8");
  } catch (cause) {
    throw new UsageError(`The testbed file ${options.testbed} cannot be read: check its name.`, { cause });
  }
  const parsed = parseTestbed(text, options.testbed);
  if (parsed.ok) return openTestbed(parsed.testbed);
  const { testbed: file } = options;
  throw new UsageError(parsed.errors.map((error) => formatTestbedError(file, error)).join("\n"));
}
