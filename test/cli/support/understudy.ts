import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";

/** The command line as a person runs it: a process of its own. */
const entry: string = new URL("../../../main/cli/entry.ts", import.meta.url).pathname;

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the program to its end. A death by a signal has no exit code. */
export function runUnderstudy(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [entry, ...args],
      { env, maxBuffer: 2 ** 24 },
      (_error, out, err) => {
        resolve({ code: child.exitCode, out, err });
      },
    );
  });
}

export interface UnderWay {
  readonly child: ChildProcess;
  /** What it has said on stderr so far. */
  said(): string;
  /** Resolves when it has said `text`; rejects when it ended without. */
  until(text: string): Promise<void>;
  readonly ended: Promise<Ended>;
}

/** Starts the program and lets a test watch it. `through`: a command that becomes it. */
export function startUnderstudy(
  env: NodeJS.ProcessEnv,
  args: readonly string[],
  through: readonly string[] = [],
): UnderWay {
  const [program = process.execPath, ...rest] = [...through, process.execPath, entry, ...args];
  const child = spawn(program, rest, { env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  const listeners = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    for (const listener of listeners) listener();
  });
  const ended = once(child, "close").then(([code]): Ended => ({ code: code as number | null, out, err }));
  return {
    child,
    ended,
    said: () => err,
    until: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!err.includes(text)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`it ended without "${text}": ${err}`)));
      }),
  };
}

/** The last line for a person; throws when there is a stack trace, which no operator should see. */
export function lastSentence({ err }: Ended): string {
  if (/^ {4}at /m.test(err)) throw new Error(`a stack trace: ${err}`);
  return err.trimEnd().split("\n").at(-1) ?? "";
}
