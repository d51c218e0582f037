import { execFile } from "node:child_process";

export interface RunResult {
  /** Null when it could not be started or was ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Administrators' programs, also where the desk's PATH lacks their folders. */
export const widePath: string = `${process.env["PATH"] ?? "/usr/bin:/bin"}:/usr/local/sbin:/usr/sbin:/sbin`;

/** Runs a program on the desk's own machine to its end; at most 20 s and 1 MiB of output. Never rejects. */
export function run(program: string, args: readonly string[], stdin = ""): Promise<RunResult> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, PATH: widePath }, timeout: 20_000, maxBuffer: 1024 * 1024 };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === "number" ? error.code : null) : 0;
      resolve({ code, stdout, stderr: code === null && stderr === "" ? (error?.message ?? "") : stderr });
    });
    // A program that ends without reading its input closes the pipe; its exit code tells the story.
    child.stdin?.on("error", () => {});
    child.stdin?.end(stdin);
  });
}
