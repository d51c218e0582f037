import { existsSync } from "node:fs";
import { readFile, statfs } from "node:fs/promises";
import { dirname, extname } from "node:path";
import { parseApplication } from "../../agents/application/index.ts";
import type { EngineName } from "../../captures/live/index.ts";
import { describeFault } from "../lab/faults/index.ts";
import type { Lab } from "../lab/hosts.ts";
import { LabError, keeperOf, memberOf } from "../lab/hosts.ts";
import type { JobProgress, JobRequest, JobResult, JobSetting } from "../lab/job/index.ts";
import { MainJob, cutsOfRun } from "../lab/job/index.ts";
import type { Testbed } from "../lab/testbed/index.ts";
import { openTestbed } from "../lab/testbed/index.ts";
import { prepareGuest } from "../lab/kernel-peer/index.ts";
import { createVirtualLab } from "../lab/virtual/index.ts";
import type { SettingOptions } from "./choose-setting.ts";
import { UsageError, failure } from "./exit-codes.ts";
import { agentAddonPaths, agentBundlePath, runsFolder, stateFolder } from "./places.ts";

/** All of a run but its load: its firewall rules on real machines must last that much longer. */
const leaseReserveMs = 240_000;

/** A kill, and the return of the one that was killed, in a series of them. */
const killMs = 30_000;

/** The shortest run; one of ten seconds at 500 messages a second takes some 20 MiB. */
const leastRunBytes: number = 8 * 2 ** 20;

export interface DemoOptions extends SettingOptions {
  readonly lab: "auto" | "netns" | "loopback";
  readonly testbed?: string;
  readonly capture?: EngineName;
  readonly udpPort?: number;
}

export interface PlayRequest {
  readonly options: DemoOptions;
  readonly setting: JobSetting;
  readonly testbed: Testbed | undefined;
  readonly progress: JobProgress;
  readonly signal: AbortSignal;
}

/** Plays the main job in a lab of its own, and takes that down whatever becomes of it. */
export async function play(request: PlayRequest): Promise<JobResult> {
  const { options, setting, testbed, progress, signal } = request;
  const agentBundle = await readAgent();
  await checkRunsDisk();
  const applicationModule = await readApplication(setting.application);
  const kernelGuest = setting.peer === "kernel" ? prepareGuest() : undefined;
  progress.step(testbed === undefined ? "Make the lab" : "Open the testbed");
  const { lab, prepare } = await openLab(options, setting, testbed, progress);
  return await thenDispose(lab, progress, async () => {
    if (setting.keeper !== undefined) keeperOf(lab.hosts);
    if (setting.peer === "cluster") for (const name of ["peer", "peer2"] as const) memberOf(lab.hosts, name);
    refuseUncuttable(lab, setting);
    if (kernelGuest !== undefined && lab.kind !== "netns")
      throw new LabError(
        "The Linux kernel is the outside computer in a lab of network namespaces only: run as root on Linux.",
      );
    await prepare(signal);
    for (const limit of lab.limits) progress.note(limit);
    return await MainJob.run({
      lab,
      setting,
      agentBundle,
      nodeBinary: process.execPath,
      agentAddons: agentAddonPaths(),
      applicationModule,
      kernelGuest,
      runsDir: runsFolder(),
      captureEngine: options.capture,
      progress,
      signal,
    });
  });
}

/** Better known before the load than in it. */
function refuseUncuttable(lab: Lab, setting: JobSetting): void {
  if (lab.kind !== "loopback" || cutsOfRun(setting).every(({ whereItCan }) => whereItCan)) return;
  throw new LabError(
    `The fault ${describeFault(setting.fault)} cuts links, which the loopback lab cannot: run as root on Linux, or on real machines.`,
  );
}

/** Takes the lab down whatever becomes of the work. Trouble with that is told, and never hides the work's own. */
async function thenDispose<T>(lab: Lab, progress: JobProgress, work: () => Promise<T>): Promise<T> {
  let answer: T;
  try {
    answer = await work();
  } catch (error) {
    progress.step("Take the lab down");
    await lab.dispose().catch((trouble: unknown) => progress.note(`clean-up: ${failure(trouble).text}`));
    throw error;
  }
  progress.step("Take the lab down");
  await lab.dispose();
  return answer;
}

/** A module is read here and sent to the members; undefined for a built-in application. */
async function readApplication(text: string): Promise<JobRequest["applicationModule"]> {
  const parsed = parseApplication(text);
  if (!parsed.ok || parsed.choice.kind === "built-in") return undefined;
  const { path } = parsed.choice;
  try {
    return { bytes: new Uint8Array(await readFile(path)), extension: extname(path) };
  } catch (cause) {
    throw new UsageError(`The application ${path} cannot be read: check its name.`, { cause });
  }
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
  progress: JobProgress,
): Promise<OpenedLab> {
  const { udpPort } = options;
  if (testbed !== undefined) {
    const lab = openTestbed({ ...testbed, ...(udpPort !== undefined && { udpPort }) });
    const killsMs = setting.fault.name === "kills" ? setting.kills.count * killMs : 0;
    const leaseMs = 2 * options.seconds * 1000 + killsMs + leaseReserveMs;
    const cuts = cutsOfRun(setting).map(({ place }) => place);
    const isCluster = setting.peer === "cluster";
    return { lab, prepare: (signal) => lab.prepare({ leaseMs, cuts, isCluster, signal }) };
  }
  const lab = await createVirtualLab({
    stateDir: stateFolder(),
    kind: options.lab,
    withKeeper: setting.keeper !== undefined,
    withPeer2: setting.peer === "cluster",
    log: (line) => progress.note(line),
    ...(udpPort !== undefined && { udpPort }),
  });
  return { lab, prepare: () => Promise.resolve() };
}
