import { readFileSync } from "node:fs";

/** When the process started, in the kernel's ticks; tells it from a later one with the same id. Linux only. */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name may hold spaces and brackets: fields count from the last bracket.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/** Names the process that records a run, to be stored with it. */
export function recorderIdentity(): string {
  return `${process.pid}:${startTicks(process.pid) ?? ""}`;
}

/** Whether the process that recorded a run is still there: then the run is not cut off, only not finished. */
export function isRecorderAlive(identity: string): boolean {
  const [pidText = "", ticks = ""] = identity.split(":");
  const pid = Number.parseInt(pidText, 10);
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  if (ticks !== "") return startTicks(pid) === ticks;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
