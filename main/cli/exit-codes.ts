import { CaptureError } from "../../captures/live/index.ts";
import { HostError } from "../deploy/index.ts";
import { LabError } from "../lab/hosts.ts";
import { RunStoreError } from "../store/index.ts";

/** What the program's exit code says. */
export const exitCodes = {
  passed: 0,
  checkFailed: 1,
  inconclusive: 2,
  labError: 3,
  usage: 64,
  internal: 70,
  interrupted: 130,
  terminated: 143,
} as const;

/** A mistake in how the program was called, or in a file that it was given; the message is one sentence. */
export class UsageError extends Error {}

/** What SQLite and the system call a disk that is full, broken or not ours to write: trouble of the place, not of the file. */
const placeTrouble =
  /^(SQLITE_(FULL|IOERR|READONLY|BUSY)|ENOSPC|EDQUOT|EROFS|EACCES|EPERM|EIO|ENOTDIR|EEXIST)/;

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** True for what only says that the work was stopped from outside. */
export function isInterruption(error: unknown): boolean {
  if (error instanceof HostError) return error.fault === "cancelled";
  return error instanceof Error && error.name === "AbortError";
}

/** The sentence for a person, and the exit code. Our own bugs keep their stack. */
export function failure(error: unknown): { readonly text: string; readonly code: number } {
  if (error instanceof UsageError) return { text: error.message, code: exitCodes.usage };
  if (error instanceof RunStoreError) {
    const code = placeTrouble.test(codeOf(error.cause)) ? exitCodes.labError : exitCodes.usage;
    return { text: error.message, code };
  }
  if (error instanceof LabError || error instanceof HostError || error instanceof CaptureError) {
    return { text: error.message, code: exitCodes.labError };
  }
  if (error instanceof Error && "syscall" in error && placeTrouble.test(codeOf(error))) {
    const text = `This computer refuses (${error.message}): free some space or mend the permissions, or set UNDERSTUDY_RUNS_DIR and UNDERSTUDY_STATE_DIR to other folders.`;
    return { text, code: exitCodes.labError };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    text: `This is a bug in Understudy; please report it with these lines:\n${stack}`,
    code: exitCodes.internal,
  };
}
