import { readFile, readdir, statfs } from "node:fs/promises";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";

/** How a computer does, as far as it tells; what it does not tell is undefined. */
export interface HealthReading {
  readonly atMs: number;
  /** Share of the memory that is available, 0 to 1. */
  readonly memoryFree: number | undefined;
  /** Share of the agent's disk that is free, 0 to 1. */
  readonly diskFree: number | undefined;
  /** Load average of the last minute for each processor. */
  readonly load: number;
  /** Errors of each network device since it came up, in both directions. */
  readonly linkErrors: ReadonlyMap<string, number>;
  /** The hottest sensor that names its critical temperature: by how much it is below that, in degrees. */
  readonly degreesLeft: number | undefined;
}

const leastMemoryFree = 0.02;
const leastDiskFree = 0.01;
const mostLoad = 32;
const mostErrorsPerSecond = 100;
const leastDegreesLeft = 5;

/** Why a computer is about to fail, one sentence each. `before` is an earlier reading of the same computer. */
export function worriesOf(reading: HealthReading, before: HealthReading | undefined): string[] {
  const worries: string[] = [];
  const { memoryFree, diskFree, load, linkErrors, degreesLeft, atMs } = reading;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  if (memoryFree !== undefined && memoryFree < leastMemoryFree)
    worries.push(`memory: ${percent(memoryFree)} of it is available`);
  if (diskFree !== undefined && diskFree < leastDiskFree)
    worries.push(`disk: ${percent(diskFree)} of it is free`);
  if (load > mostLoad) worries.push(`load: ${load.toFixed(0)} processes wait for each processor`);
  if (degreesLeft !== undefined && degreesLeft < leastDegreesLeft)
    worries.push(`temperature: ${degreesLeft.toFixed(1)} degrees below critical`);
  for (const [device, errors] of linkErrors) {
    const earlier = before?.linkErrors.get(device);
    if (before === undefined || earlier === undefined || atMs <= before.atMs) continue;
    const perSecond = ((errors - earlier) * 1000) / (atMs - before.atMs);
    if (perSecond > mostErrorsPerSecond)
      worries.push(`network device ${device}: ${perSecond.toFixed(0)} errors a second`);
  }
  return worries;
}

/** Reads how this computer does. `folder` lies on the disk that matters. */
export async function readHealth(folder: string, nowMs: number): Promise<HealthReading> {
  const [memoryFree, diskFree, linkErrors, degreesLeft] = await Promise.all([
    readMemory(),
    readDisk(folder),
    readLinkErrors(),
    readTemperature(),
  ]);
  const load = (loadavg()[0] ?? 0) / availableParallelism();
  return { atMs: nowMs, memoryFree, diskFree, load, linkErrors, degreesLeft };
}

/** A number out of a file of the kernel's; undefined where this computer has no such file. */
async function numberIn(path: string): Promise<number | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.trim() === "" || Number.isNaN(Number(text)) ? undefined : Number(text);
}

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

async function readMemory(): Promise<number | undefined> {
  const text = await readFile("/proc/meminfo", "utf8").catch(() => "");
  const kilobytes = (name: string): number | undefined => {
    const found = new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(text)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const [available, total] = [kilobytes("MemAvailable"), kilobytes("MemTotal")];
  return available === undefined || total === undefined || total === 0 ? undefined : available / total;
}

async function readDisk(folder: string): Promise<number | undefined> {
  const disk = await statfs(folder).catch(() => undefined);
  return disk === undefined || disk.blocks === 0 ? undefined : disk.bavail / disk.blocks;
}

async function readLinkErrors(): Promise<Map<string, number>> {
  const errors = new Map<string, number>();
  const root = "/sys/class/net";
  for (const device of await namesIn(root)) {
    const counts = await Promise.all(
      ["rx_errors", "tx_errors"].map((name) => numberIn(join(root, device, "statistics", name))),
    );
    if (counts.every((count) => count === undefined)) continue;
    errors.set(
      device,
      counts.reduce<number>((sum, count) => sum + (count ?? 0), 0),
    );
  }
  return errors;
}

async function readTemperature(): Promise<number | undefined> {
  const root = "/sys/class/thermal";
  let least: number | undefined;
  for (const zone of (await namesIn(root)).filter((name) => name.startsWith("thermal_zone"))) {
    const folder = join(root, zone);
    const now = await numberIn(join(folder, "temp"));
    for (const name of await namesIn(folder)) {
      const point = /^(?<point>trip_point_\d+)_type$/.exec(name)?.groups?.["point"];
      if (point === undefined || now === undefined) continue;
      const kind = await readFile(join(folder, name), "utf8").catch(() => "");
      const critical = kind.trim() === "critical" ? await numberIn(join(folder, `${point}_temp`)) : undefined;
      // Thousandths of a degree; a critical point of 0 stands for none.
      if (critical === undefined || critical <= 0) continue;
      const left = (critical - now) / 1000;
      least = least === undefined ? left : Math.min(least, left);
    }
  }
  return least;
}
