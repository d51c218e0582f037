import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { ProcessRunner } from "./process-runner.ts";

/** Keeps the last `limit` characters of what a program prints, and tells when there is more. */
export function keepTail(
  stream: Readable,
  limit: number,
): { text(): string; onText(listener: () => void): void } {
  const decoder = new StringDecoder("utf8");
  const listeners: (() => void)[] = [];
  let tail = "";
  stream.on("data", (chunk: Buffer) => {
    tail = (tail + decoder.write(chunk)).slice(-limit);
    for (const listener of listeners) listener();
  });
  return { text: () => tail, onText: (listener) => void listeners.push(listener) };
}

const MAX_OUTPUT = 64 * 1024;

/** Runs a short program to its end. */
export async function collectOutput(
  runner: ProcessRunner,
  argv: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const program = await runner.spawn(argv);
  program.stdin.on("error", () => undefined);
  program.stdin.end();
  const stdout = keepTail(program.stdout, MAX_OUTPUT);
  const stderr = keepTail(program.stderr, MAX_OUTPUT);
  const { code } = await program.exited;
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}
