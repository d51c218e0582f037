import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { z } from "zod";

/** A process on this machine, told apart from a later one with the same number. */
export interface Owner {
  readonly pid: number;
  /** Ticks since boot on Linux, a date elsewhere. */
  readonly started: string;
  /** Changes with every boot; empty where the system has none. */
  readonly boot: string;
}

export const ownerShape: z.ZodType<Owner> = z.object({
  pid: z.number().int().positive(),
  started: z.string(),
  boot: z.string(),
});

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

function startOf(pid: number): string | undefined {
  try {
    if (process.platform !== "linux") {
      return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
    }
    // proc(5): the second field is the program's name in brackets and may hold blanks; the start time is field 22.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" || state === "X" ? undefined : rest[18];
  } catch {
    return undefined;
  }
}

export function thisProcess(): Owner {
  return { pid: process.pid, started: startOf(process.pid) ?? "", boot: bootId() };
}

export function isAlive(owner: Owner): boolean {
  return owner.boot === bootId() && startOf(owner.pid) === owner.started;
}
