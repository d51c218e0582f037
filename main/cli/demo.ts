import { existsSync } from "node:fs";
import { readFile, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { VerdictReport } from "../../captures/verdict/report.ts";
import type { EngineName } from "../../captures/live/index.ts";
import type { Lab } from "../lab/hosts.ts";
import { LabError } from "../lab/hosts.ts";
import type { JobSetting, PeerKind, TimerChoice, TransportChoice } from "../lab/job/index.ts";
import { MainJob, defaultSetting } from "../lab/job/index.ts";
import type { Testbed } from "../lab/testbed/index.ts";
import { formatTestbedError, openTestbed, parseTestbed } from "../lab/testbed/index.ts";
import { createVirtualLab } from "../lab/virtual/index.ts";
import { UsageError, exitCodes, failure } from "./exit-codes.ts";
import { agentAddonPaths, agentBundlePath, runsFolder, stateFolder } from "./places.ts";
import { verdictTable } from "./print-verdict.ts";
import { ConsoleProgress } from "./progress.ts";

/** All of a run but its load: its firewall rules on real machines must last that much longer. */
const leaseReserveMs = 240_000;

/** The shortest run; one of ten seconds at 500 messages a second takes some 20 MiB. */
const leastRunBytes: number = 8 * 2 ** 20;

export interface DemoOptions {
  readonly peer: PeerKind;
  readonly timers: TimerChoice;
  /** Without a word: what the testbed file says, else UDP. */
  readonly transport?: TransportChoice;
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
  refuseRawWithUsrsctp(options.transport, options);
  const progress = new ConsoleProgress();
  const agentBundle = await readAgent();
  await checkRunsDisk();
  progress.step(options.testbed === undefined ? "Make the lab: hosts a, b and peer" : "Open the testbed");
  const { lab, prepare, transport } = await openLab(options, progress);
  const result = await thenDispose(lab, progress, async () => {
    await prepare(signal);
    for (const limit of lab.limits) progress.note(limit);
    return await MainJob.run({
      lab,
      setting: settingOf(options, transport),
      agentBundle,
      nodeBinary: process.execPath,
      agentAddons: agentAddonPaths(),
      runsDir: runsFolder(),
      captureEngine: options.capture,
      progress,
      signal,
    });
  });
  process.stdout.write(verdictTable(result.report));
  const { folder, sqlite, pcapng } = result.folder;
  process.stdout.write(
    `\n  run     ${folder}\n  sqlite  ${sqlite}\n  pcapng  ${pcapng}\n\n  Look at it: npm start\n\n`,
  );
  return codeOf(result.report);
}

function refuseRawWithUsrsctp(transport: TransportChoice | undefined, { peer }: DemoOptions): void {
  if (transport !== "raw" || peer !== "usrsctp") return;
  throw new UsageError(
    "Raw IP (transport raw) is for our own agents: leave --peer usrsctp away, or use UDP.",
  );
}

function settingOf(options: DemoOptions, transport: TransportChoice): JobSetting {
  return {
    ...defaultSetting,
    peer: options.peer,
    timers: options.timers,
    transport,
    ratePerSecond: options.rate,
    sizeBytes: options.size,
    streams: options.streams,
    beforeFaultMs: options.seconds * 1000,
    afterFaultMs: options.seconds * 1000,
  };
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
  readonly transport: TransportChoice;
  /** What is to be done to the hosts before a run; undone by the lab's `dispose`. */
  prepare(signal: AbortSignal): Promise<void>;
}

async function openLab(options: DemoOptions, progress: ConsoleProgress): Promise<OpenedLab> {
  const { udpPort, transport = "udp" } = options;
  if (options.testbed !== undefined) {
    const testbed = await readTestbed(options.testbed);
    const chosen = options.transport ?? testbed.transport;
    refuseRawWithUsrsctp(chosen, options);
    const lab = openTestbed({ ...testbed, ...(udpPort !== undefined && { udpPort }) });
    const leaseMs = 2 * options.seconds * 1000 + leaseReserveMs;
    return { lab, transport: chosen, prepare: (signal) => lab.prepare({ leaseMs, signal }) };
  }
  const lab = await createVirtualLab({
    stateDir: stateFolder(),
    kind: options.lab,
    log: (line) => progress.note(line),
    ...(udpPort !== undefined && { udpPort }),
  });
  return { lab, transport, prepare: () => Promise.resolve() };
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
