import { spawn } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const house = fileURLToPath(new URL("../..", import.meta.url));

/** Stand-ins that write down how they were called; variables of the environment tell them what to answer. */
const STUBS: Readonly<Record<string, string>> = {
  "dpkg-query": 'for name in $INSTALLED; do echo "$name installed"; done; echo "rpcbind config-files"',
  "apt-get": `[ -e "$POLICY" ] && note="(services held back)"
echo "apt-get $* $note" >> "$CALLS"
case "$*" in
  *update*) [ -z "$UPDATE_FAILS" ] || { echo "$UPDATE_FAILS"; exit 100; }; : > "$CALLS.updated" ;;
  *install*) [ -z "$NEEDS_UPDATE" ] || [ -e "$CALLS.updated" ] || { echo "E: Unable to locate package"; exit 100; }
    [ -z "$INSTALL_FAILS" ] || { echo "$INSTALL_FAILS"; exit 100; } ;;
esac`,
  systemctl: 'echo "systemctl $*" >> "$CALLS"',
  "update-rc.d":
    'echo "update-rc.d $*" >> "$CALLS"; [ -z "$DISABLE_FAILS" ] || { echo "$DISABLE_FAILS"; exit 1; }',
  npm: `echo "npm $*" >> "$CALLS"
while [ -n "$WAIT_FOR" ] && [ ! -e "$WAIT_FOR" ]; do /bin/sleep 0.05; done
[ -z "$NPM_FAILS" ] || { echo "$NPM_FAILS"; exit 1; }
/bin/mkdir -p node_modules`,
};

const PROJECT: Readonly<Record<string, string>> = {
  "package.json": '{ "name": "stub", "type": "module" }\n',
  "package-lock.json": '{ "lockfileVersion": 3, "packages": { "": { "name": "stub" } } }\n',
  "scripts/check.ts":
    'const args: string[] = process.argv.slice(2);\nconsole.log("check ran", process.version, ...args);\nprocess.exitCode = 7;\n',
  "scripts/build.ts":
    'import { mkdirSync } from "node:fs";\nmkdirSync("dist", { recursive: true });\nconsole.log("built");\n',
  "main/cli/entry.ts": 'console.log("cli ran", ...process.argv.slice(2));\n',
};

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly ended: Promise<Ended>;
  /** Resolves when the text was seen on stdout or stderr. */
  saw(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

export type Environment = Readonly<Record<string, string>>;

/** A small project with the real set-up scripts in it, and a PATH that holds nothing but stand-ins. */
export interface StubProject {
  readonly folder: string;
  readonly policyFile: string;
  calls(): readonly string[];
  write(path: string, text: string): void;
  /** Puts one more stand-in into PATH; without a script it does nothing. */
  command(name: string, script?: string): void;
  /** node scripts/run.mjs ... */
  start(args: readonly string[], env?: Environment, node?: string): Running;
  /** installPackages(packages for that verb), as root or not. */
  installDebian(verb: string, args: readonly string[], isRoot: boolean, env?: Environment): Promise<Ended>;
  remove(): void;
}

function watch(node: string, argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Running {
  const child = spawn(node, [...argv], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const heard = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      heard[stream] += text;
      for (const listener of listeners) listener();
    });
  }
  return {
    ended: new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ code, signal, ...heard }));
    }),
    saw: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!(heard.stdout + heard.stderr).includes(text)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
      }),
    kill: (signal) => child.kill(signal),
  };
}

export function stubProject(): StubProject {
  const folder = mkdtempSync(join(tmpdir(), "understudy-setup-"));
  const bin = join(folder, "stubs");
  const callsFile = join(folder, "calls");
  const policyFile = join(folder, "policy-rc.d");
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const [path, text] of Object.entries(PROJECT)) write(path, text);
  const command = (name: string, script = ":"): void => {
    write(join("stubs", name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  for (const [name, script] of Object.entries(STUBS)) command(name, script);
  write("calls", "");
  cpSync(join(house, "scripts/run.mjs"), join(folder, "scripts/run.mjs"));
  cpSync(join(house, "scripts/setup"), join(folder, "scripts/setup"), { recursive: true });
  const environment = (extra: Environment): NodeJS.ProcessEnv => ({
    PATH: bin,
    CALLS: callsFile,
    POLICY: policyFile,
    ...extra,
  });
  return {
    folder,
    policyFile,
    command,
    calls: () => readFileSync(callsFile, "utf8").split("\n").filter(Boolean),
    write,
    start: (args, env = {}, node = process.execPath) =>
      watch(node, [join(folder, "scripts/run.mjs"), ...args], folder, environment(env)),
    installDebian(verb, args, isRoot, env = {}) {
      const module = (name: string): string => pathToFileURL(join(folder, "scripts/setup", name)).href;
      const program = `
        import { installPackages } from ${JSON.stringify(module("debian.mjs"))};
        import { debianPackages } from ${JSON.stringify(module("verbs.mjs"))};
        await installPackages(debianPackages(${JSON.stringify(verb)}, ${JSON.stringify(args)}), {
          env: process.env, isRoot: ${isRoot}, log: (line) => console.error(line),
          policyFile: process.env.POLICY, listsFolderFilled: () => process.env.NO_LISTS === undefined,
        });`;
      return watch(process.execPath, ["--input-type=module", "-e", program], folder, environment(env)).ended;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
