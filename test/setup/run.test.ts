import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stubProject } from "./stub-project.ts";
import type { StubProject } from "./stub-project.ts";

const NPM_CI = "npm ci --ignore-scripts --no-audit --no-fund --loglevel=error";
const NPM_REBUILD = "npm rebuild cap --ignore-scripts=false --loglevel=error";

let project: StubProject;
beforeEach(() => {
  project = stubProject();
});
afterEach(() => project.remove());

test("a bare clone: npm ci, then the verb with its arguments and its exit code", async () => {
  const ended = await project.start(["check", "--only", "lint"]).ended;
  expect(project.calls()).toEqual([NPM_CI]);
  expect(ended.stdout).toBe(`check ran ${process.version} --only lint\n`);
  expect(ended.stderr).toBe("set-up: Installing npm packages (npm ci)\n");
  expect(ended.code).toBe(7);
});

test("a second run does nothing and says nothing", async () => {
  await project.start(["cli"]).ended;
  const before = project.calls();
  const ended = await project.start(["cli", "runs"]).ended;
  expect(project.calls()).toEqual(before);
  expect([ended.stdout, ended.stderr, ended.code]).toEqual(["cli ran runs\n", "", 0]);
});

test("a changed lock file brings npm ci back", async () => {
  await project.start(["check"]).ended;
  project.write(
    "package-lock.json",
    '{ "lockfileVersion": 3, "packages": { "": {}, "node_modules/x": {} } }\n',
  );
  await project.start(["check"]).ended;
  expect(project.calls()).toEqual([NPM_CI, NPM_CI]);
});

test("packages that somebody installed by hand as locked are taken as they are", async () => {
  const packages = { "": {}, "node_modules/x": { version: "1.0.0" }, "node_modules/mac": { optional: true } };
  project.write("package-lock.json", JSON.stringify({ packages }));
  const present = { "node_modules/x": { version: "1.0.0" } };
  project.write("node_modules/.package-lock.json", JSON.stringify({ packages: present }));
  await project.start(["check"]).ended;
  expect(project.calls()).toEqual([]);
  const newer = { ...packages, "node_modules/x": { version: "1.0.1" } };
  project.write("package-lock.json", JSON.stringify({ packages: newer }));
  await project.start(["check"]).ended;
  expect(project.calls()).toEqual([NPM_CI]);
  project.write("package-lock.json", JSON.stringify({ packages: { ...packages, "node_modules/y": {} } }));
  await project.start(["check"]).ended;
  expect(project.calls()).toEqual([NPM_CI, NPM_CI]);
});

test("the libpcap binding: built once; a failure is told once and does not stop the verb", async () => {
  const first = await project.start(["cli"]).ended;
  expect(first.stderr).toContain("The libpcap binding could not be built");
  expect([first.stdout, first.code]).toEqual(["cli ran\n", 0]);
  const second = await project.start(["cli"]).ended;
  expect(second.stderr).toBe("");
  expect(project.calls()).toEqual([NPM_CI, NPM_REBUILD]);
});

test.skipIf(process.platform !== "linux")(
  "the packet addon: built once, again after its source changed; a failure is told once and is not fatal",
  async () => {
    const failure = (why: string): string =>
      `set-up: The packet addon could not be built (${why}); agents use Node's own UDP, and no raw IP.\n`;
    const built = join(project.folder, `dist/native/linux-${process.arch}/understudy-io.node`);
    project.write("agents/native/module.c", "// one");
    const first = await project.start(["cli"]).ended;
    expect(first.stderr).toContain(failure("there is no C compiler"));
    expect([first.stdout, first.code]).toEqual(["cli ran\n", 0]);
    expect((await project.start(["cli"]).ended).stderr).toBe("");

    project.command("gcc", 'echo "gcc" >> "$CALLS"; echo "module.c:1: fatal error: node_api.h"; exit 1');
    expect((await project.start(["cli"]).ended).stderr).toContain(
      failure("module.c:1: fatal error: node_api.h"),
    );
    expect((await project.start(["cli"]).ended).stderr).toBe("");
    expect(existsSync(built)).toBe(false);

    project.command(
      "gcc",
      'echo "gcc" >> "$CALLS"; for each; do [ "$last" != -o ] || : > "$each"; last=$each; done',
    );
    project.write("agents/native/module.c", "// two");
    expect((await project.start(["cli"]).ended).stderr).toContain("set-up: Building the packet addon\n");
    expect(existsSync(built)).toBe(true);
    expect((await project.start(["cli"]).ended).stderr).toBe("");
    expect(project.calls().filter((call) => call === "gcc")).toHaveLength(2);
    rmSync(built);
    await project.start(["cli"]).ended;
    expect(existsSync(built)).toBe(true);
  },
);

test("the bundles are built again after a source file changed", async () => {
  await project.start(["cli"]).ended;
  project.write("agents/host/entry.ts", "export {};\n");
  const ended = await project.start(["cli"]).ended;
  expect(ended.stderr).toBe("set-up: Building the agent and the interface\n");
  expect((await project.start(["cli"]).ended).stderr).toBe("");
});

test("without a network: one sentence, exit code 1", async () => {
  const ended = await project.start(["check"], { NPM_FAILS: "npm error code EAI_AGAIN" }).ended;
  expect(ended.stderr.trimEnd().split("\n").at(-1)).toBe(
    "set-up: npm cannot reach its registry: connect this machine to a network and run this again.",
  );
  expect([ended.stdout, ended.code]).toEqual(["", 1]);
});

test("npm's own failure is shown", async () => {
  const ended = await project.start(["check"], { NPM_FAILS: "npm error EUSAGE lock file out of step" }).ended;
  expect(ended.stderr).toContain("npm error EUSAGE lock file out of step");
  expect(ended.code).toBe(1);
});

test("two set-ups at once: the second waits and finds the work done", { timeout: 20_000 }, async () => {
  const go = join(project.folder, "go");
  const first = project.start(["check"], { WAIT_FOR: go });
  await first.saw("Installing npm packages");
  const second = project.start(["check"], { WAIT_FOR: go });
  await second.saw("Another set-up of this folder is at work; waiting for it.");
  project.write("go", "");
  expect([(await first.ended).code, (await second.ended).code]).toEqual([7, 7]);
  expect(project.calls()).toEqual([NPM_CI]);
});

test("a set-up that was killed does not block the next one", { timeout: 20_000 }, async () => {
  const first = project.start(["check"], { WAIT_FOR: join(project.folder, "go") });
  await first.saw("Installing npm packages");
  first.kill("SIGKILL");
  // Lets the stand-in for npm, which outlives its parent, end too.
  project.write("go", "");
  await first.ended;
  expect((await project.start(["check"]).ended).code).toBe(7);
});

test("an unknown verb is named with the known ones", async () => {
  const ended = await project.start(["dmeo"]).ended;
  expect(ended.stderr).toMatch(/with VERB one of demo, matrix, start, .*\btest\.$/m);
  expect(ended.code).toBe(2);
});

function olderNode(): string | undefined {
  try {
    const version = execFileSync("/usr/bin/node", ["--version"], { encoding: "utf8" });
    return Number.parseInt(version.slice(1), 10) < 24 ? "/usr/bin/node" : undefined;
  } catch {
    return undefined;
  }
}

describe("started by a Node before 24", () => {
  const older = olderNode();

  function bringNode(): void {
    const folder = join(project.folder, "node_modules", `node-${process.platform}-${process.arch}`, "bin");
    mkdirSync(folder, { recursive: true });
    symlinkSync(process.execPath, join(folder, "node"));
  }

  test("the entry runs on the Node that npm ci brought, exit code included", async (ctx) => {
    if (older === undefined) return ctx.skip("/usr/bin/node is no Node before 24");
    bringNode();
    const ended = await project.start(["check"], {}, older).ended;
    expect(ended.stdout).toBe(`check ran ${process.version}\n`);
    expect(ended.code).toBe(7);
  });

  test("signals reach the entry, and its end by a signal is passed on", async (ctx) => {
    if (older === undefined) return ctx.skip("/usr/bin/node is no Node before 24");
    bringNode();
    project.write(
      "scripts/check.ts",
      'process.once("SIGTERM", () => {\n  console.log("heard");\n  process.kill(process.pid, "SIGTERM");\n});\n' +
        'setInterval(() => {}, 1000);\nconsole.log("ready");\n',
    );
    const running = project.start(["check"], {}, older);
    await running.saw("ready");
    running.kill("SIGTERM");
    const ended = await running.ended;
    expect(ended.stdout).toBe("ready\nheard\n");
    expect(ended.signal).toBe("SIGTERM");
  });

  test("without one it says which Node to install", async (ctx) => {
    if (older === undefined) return ctx.skip("/usr/bin/node is no Node before 24");
    const ended = await project.start(["check"], {}, older).ended;
    expect(ended.stderr).toContain("Install Node 24 or later and run this again.");
    expect(ended.code).toBe(1);
  });
});
