import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, test } from "vitest";
import { localRunner, netnsRunner, type StreamedProcess } from "../../../captures/live/index.ts";

const HANGER = fileURLToPath(new URL("./hang-owner.ts", import.meta.url));
const runner = localRunner();

async function outputOf(program: StreamedProcess): Promise<{ stdout: string; stderr: string }> {
  let stdout = "";
  let stderr = "";
  program.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  program.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  await program.exited;
  return { stdout, stderr };
}

/** Alive, and not merely waiting for somebody to take its exit code. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return stat !== undefined && !/^\d+ \(.*\) [ZX]/.test(stat);
}

test("stdin, stdout, stderr and the exit code", async () => {
  const program = await runner.spawn(["sh", "-c", "cat; echo oops >&2; exit 7"]);
  program.stdin.end("hello");
  expect(await outputOf(program)).toEqual({ stdout: "hello", stderr: "oops\n" });
  expect(await program.exited).toEqual({ code: 7, signal: null });
});

test("arguments arrive as they are", async () => {
  const program = await runner.spawn(["printf", "[%s]", "two words", "$HOME", "'", ""]);
  expect(await outputOf(program)).toMatchObject({ stdout: "[two words][$HOME]['][]" });
});

test.each(["SIGTERM", "SIGINT", "SIGKILL"] as const)("%s reaches the program itself", async (signal) => {
  const program = await runner.spawn(["sleep", "1000"]);
  await program.kill(signal);
  expect(await program.exited).toEqual({ code: null, signal });
});

test("the sbin folders are searched, whatever PATH says", async () => {
  const program = await runner.spawn(["sh", "-c", 'echo "$PATH"']);
  expect((await outputOf(program)).stdout.trim().split(":")).toEqual(
    expect.arrayContaining(["/usr/sbin", "/sbin"]),
  );
});

test("a program that is not there", async () => {
  await expect(runner.spawn(["no-such-program"])).rejects.toThrow(
    "no-such-program is not installed on this machine",
  );
});

test("a namespace that is not there", async () => {
  await expect(netnsRunner("no-such-namespace").spawn(["true"])).rejects.toThrow(
    "There is no network namespace no-such-namespace on this machine",
  );
});

describe("no process stays behind", () => {
  beforeEach((context) =>
    context.skip(process.platform !== "linux", "it looks at /proc, which only Linux has"),
  );

  /** Waits for the end of a process that nobody waits for; a failed test ends it by force. */
  async function expectEnd(pid: number): Promise<void> {
    try {
      await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
    } finally {
      if (await isAlive(pid)) process.kill(pid, "SIGKILL");
    }
  }

  test("what a program leaves running ends with it", async () => {
    const program = await runner.spawn(["sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"]);
    const { stdout } = await outputOf(program);
    await expectEnd(Number(stdout));
  });

  test.each([
    ["a program", "echo $$; exec sleep 1000"],
    ["what a program started", "sleep 1000 & echo $!; wait"],
    ["a program that ignores SIGTERM", "trap '' TERM; echo $$; while :; do sleep 1; done"],
  ])("%s ends when its parent is killed", async (_, script) => {
    const parent = spawn(process.execPath, [HANGER, script], { stdio: ["ignore", "pipe", "inherit"] });
    const [said] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(said.toString());
    expect(await isAlive(pid)).toBe(true);
    parent.kill("SIGKILL");
    await expectEnd(pid);
  });
});
