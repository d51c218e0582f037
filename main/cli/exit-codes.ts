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
} as const;

/** A mistake in how the program was called, or in a file that it was given; the message is one sentence. */
export class UsageError extends Error {}

/** The sentence for a person, and the exit code. Our own bugs keep their stack. */
export function failure(error: unknown): { readonly text: string; readonly code: number } {
  if (error instanceof UsageError) return { text: error.message, code: exitCodes.usage };
  if (error instanceof RunStoreError) return { text: error.message, code: exitCodes.usage };
  if (error instanceof LabError || error instanceof HostError || error instanceof CaptureError) {
    return { text: error.message, code: exitCodes.labError };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    text: `This is a bug in Understudy; please report it with these lines:\n${stack}`,
    code: exitCodes.internal,
  };
}
