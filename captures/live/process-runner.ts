import type { Readable, Writable } from "node:stream";

/** A program that runs on some host while we read what it prints. */
export interface StreamedProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles once, when the program has ended and its output is read; rejects only when the way to the host broke. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** Asks the program to end by a signal; resolves when the request was handed over. */
  kill(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): Promise<void>;
}

/** Starts programs on one host, whether that is this machine, a network namespace on it, or a machine behind SSH. */
export interface ProcessRunner {
  /** For messages to a person, for example `host a (ssh)`. */
  readonly where: string;
  /** True where the host sees the desk's own files, so that our Node and our modules can be started there by path. */
  readonly sharesFiles: boolean;
  /** `argv[0]` is looked up in the host's PATH with the sbin folders added. Rejects when the program cannot be started at all. */
  spawn(argv: readonly string[]): Promise<StreamedProcess>;
}
