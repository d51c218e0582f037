import { execFile, execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildTarget } from "../../scripts/build.ts";
import { whyNoKernel } from "../../main/lab/kernel-peer/index.ts";
import { stateAt } from "../../main/replay/index.ts";
import { serveDesk } from "../../main/serve/index.ts";
import { createDesk, openRun as openRecord } from "../../main/store/index.ts";
import { noNative } from "../host/support/native.ts";
import { noBrowser, openBrowser, openRun, screenshot, waitForLadder } from "../e2e/browser.ts";

/** The main job as a newcomer runs it: the real command, real sshd, real captures, real kills. */
const entry: string = new URL("../../main/cli/entry.ts", import.meta.url).pathname;
const rendererDir: string = new URL("../../dist/renderer", import.meta.url).pathname;
const has = (command: string): boolean => {
  try {
    execFileSync("sh", ["-c", `command -v ${command}`]);
    return true;
  } catch {
    return false;
  }
};
const missing = ["ip", "nft", "sshd", "tshark"].filter((command) => !has(command));
const reason =
  process.getuid?.() !== 0
    ? "network namespaces need root"
    : missing.length > 0
      ? `missing: ${missing.join(", ")}`
      : "";

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const folder: string = mkdtempSync(join(tmpdir(), "understudy-demo-test-"));
const env = {
  ...process.env,
  NO_COLOR: "1",
  UNDERSTUDY_RUNS_DIR: join(folder, "runs"),
  UNDERSTUDY_STATE_DIR: join(folder, "state"),
};

function understudy(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [entry, ...args], { env, maxBuffer: 2 ** 24 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

/** Namespaces of the lab that a demo said it made. */
function namespacesOf(said: string): string[] {
  const prefix = /namespaces (\S+)-a,/.exec(said)?.[1] ?? "";
  expect(prefix, said).not.toBe("");
  const all = execFileSync("ip", ["netns", "list"], { encoding: "utf8" });
  return all.split("\n").filter((line) => line.startsWith(`${prefix}-`));
}

/** A dead desk's lab is taken down by its reaper, a moment later. */
async function nothingLeft(said: string): Promise<void> {
  for (let tries = 0; tries < 100 && namespacesOf(said).length > 0; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(namespacesOf(said)).toEqual([]);
}

/** A demo that is under way, and what it has said so far. */
async function demoUnderLoad(): Promise<{ readonly desk: ChildProcess; readonly said: string }> {
  const desk = spawn(process.execPath, [entry, "demo", "--seconds", "60"], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said = await new Promise<string>((resolve, reject) => {
    let text = "";
    desk.stderr.setEncoding("utf8");
    desk.stderr.on("data", (more: string) => {
      text += more;
      if (text.includes("Load:")) resolve(text);
    });
    desk.once("exit", () => reject(new Error(`the demo ended early: ${text}`)));
  });
  return { desk, said };
}

const pathOf = (out: string, name: string): string =>
  new RegExp(`^ +${name} +(\\S+)$`, "m").exec(out)?.[1] ?? "";

const tsharkOptions = [
  ...["-o", "sctp.association_index:TRUE", "-o", "sctp.checksum:CRC-32c", "-d", "udp.port==9899,sctp"],
  ...["-T", "fields", "-e", "sctp.assoc_index", "-e", "sctp.checksum.status"],
];

function judgeRun(ended: Ended): void {
  expect(ended.err).not.toContain("clean-up:");
  expect(ended.code, `${ended.err}\n${ended.out}`).toBe(0);
  expect(ended.out).toMatch(/✓ pass +Messages lost +0 of [1-9]\d{3}/);
  expect(ended.out).toMatch(/✓ pass +Messages duplicated +0 of/);
  expect(ended.out).toMatch(/✓ pass +Messages out of order within their stream +0 of/);
  expect(ended.out).not.toMatch(/FAIL|unknown/);
  const result = execFileSync("tshark", ["-r", pathOf(ended.out, "pcapng"), ...tsharkOptions], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines = new Set(result.trim().split("\n"));
  expect([...lines]).toEqual(["0\t1"]);
}

describe.skipIf(reason !== "")(
  `the demo on virtual hosts${reason === "" ? "" : ` (skipped: ${reason})`}`,
  () => {
    beforeAll(async () => {
      await buildTarget("agent");
      await buildTarget("renderer");
    });

    afterAll(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    it("bears two dozen kills in a row, from one member to the other and back", async () => {
      const ended = await understudy(
        ...["demo", "--fault", "kills", "--kills", "24", "--seed", "7", "--rate", "100", "--seconds", "1"],
      );
      judgeRun(ended);
      expect(ended.out).toMatch(/✓ pass +Who goes on .+ then a under epoch 25/);
      expect(namespacesOf(ended.err)).toEqual([]);
    }, 240_000);

    it("ends with nothing lost and a verdict that holds, and leaves nothing behind", async () => {
      const ended = await understudy("demo", "--seconds", "2");
      judgeRun(ended);
      expect(namespacesOf(ended.err)).toEqual([]);
      const run = pathOf(ended.out, "run");
      const reader = openRecord(run);
      const { counts, marks } = reader.overview();
      expect(counts.packets).toBeGreaterThan(5000);
      expect(counts.updates).toBeGreaterThan(5000);
      expect(marks.map((mark) => mark.kind)).toEqual(
        expect.arrayContaining([
          "association-up",
          "address-confirmed",
          "fault",
          "detected",
          "first-packet",
          "restored",
        ]),
      );
      reader.close();
      const again = await understudy("verify", run);
      expect(again.code, again.err).toBe(0);
    });

    it.skipIf(noBrowser !== undefined)("shows the recorded failover in a browser", async () => {
      const runsDir = join(folder, "runs");
      const desk = createDesk({ runsDir, stateAt });
      const [run] = await desk.send("runs.list", {});
      const served = await serveDesk({ desk, rendererDir, host: "127.0.0.1", port: 0 });
      const browser = await openBrowser({ theme: "light" });
      try {
        await openRun(browser.page, served.url, run?.id);
        await waitForLadder(browser.page);
        await screenshot(browser.page, "recorded-failover");
        const text = async (): Promise<string> => (await browser.page.textContent("body")) ?? "";
        expect(await text()).toContain("The association survived: 0 of");
        for (const label of ["fault", "detected", "first packet", "restored"])
          expect(await text()).toContain(label);
        await browser.page.keyboard.press("3");
        await browser.page.getByText("Nothing left the primary before the secondary held it").waitFor();
        await browser.page.keyboard.press("2");
        await browser.page.getByText("cumulative TSN", { exact: true }).first().waitFor();
        await screenshot(browser.page, "recorded-state");
      } finally {
        await browser.close();
        await served.close();
      }
    });

    it("ends the same with an outside computer that nobody here wrote", async () => {
      const ended = await understudy("demo", "--peer", "usrsctp", "--seconds", "2");
      judgeRun(ended);
      expect(ended.err).toContain(
        "the usrsctp peer counted for itself: 0 lost, 0 duplicated, 0 reordered, 0 damaged",
      );
      expect(namespacesOf(ended.err)).toEqual([]);
    });

    it("ends the same with raw IP protocol 132 instead of UDP", async ({ skip }) => {
      if (noNative !== undefined) skip(noNative);
      const ended = await understudy("demo", "--transport", "raw", "--seconds", "2");
      judgeRun(ended);
      expect(ended.err).toMatch(/peer: the agent .*, packets by its addon/);
      const pcapng = pathOf(ended.out, "pcapng");
      const udp = execFileSync("tshark", ["-r", pcapng, "-Y", "udp"], { encoding: "utf8" });
      expect(udp).toBe("");
    });

    it.each(["zombie", "host-cut", "handover"])("survives the fault %s", async (fault) => {
      const ended = await understudy("demo", "--fault", fault, "--seconds", "1");
      judgeRun(ended);
      expect(ended.out).toMatch(/✓ pass +After the fault: b takes over/);
      if (fault === "zombie")
        expect(ended.out).toMatch(/✓ pass +After the fault: a learns that it was replaced/);
      expect(namespacesOf(ended.err)).toEqual([]);
    });

    it("waits for a primary that is only silent where the operator keeps to it", async () => {
      const ended = await understudy(
        "demo",
        "--fault",
        "freeze",
        "--fencing",
        "keep-primary",
        "--seconds",
        "1",
      );
      judgeRun(ended);
      expect(ended.out).toMatch(/✓ pass +After the fault: a goes on/);
    });

    it("ends the same with the Linux kernel as the outside computer", async ({ skip }) => {
      const missing = whyNoKernel();
      if (missing !== undefined) skip(missing);
      const ended = await understudy("demo", "--peer", "kernel", "--seconds", "2");
      judgeRun(ended);
      expect(ended.err).toContain("outside computer: Linux kernel");
      expect(ended.err).toContain(
        "the kernel peer counted for itself: 0 lost, 0 duplicated, 0 reordered, 0 damaged",
      );
      expect(namespacesOf(ended.err)).toEqual([]);
    });

    it("plays a matrix, prints one table, and keeps no record of what passed", async () => {
      const words = ["--small", "--only", "every-update crash usrsctp"];
      const before = readdirSync(join(folder, "runs/main-job")).length;
      const ended = await understudy("matrix", ...words);
      expect(ended.code, ended.err).toBe(0);
      expect(ended.out).toMatch(/\| every-update +\| - +\| prefer-availability \| crash +\| usrsctp \| pass/);
      expect(ended.out).toContain("1 of 1 runs passed");
      expect(readdirSync(join(folder, "runs/main-job"))).toHaveLength(before);
    });

    it("works with the capture engine cap, which cannot prove completeness and says so", async () => {
      const ended = await understudy("demo", "--seconds", "1", "--capture", "cap");
      expect(ended.out).toMatch(/✓ pass +Messages lost +0 of/);
      expect(ended.out).not.toContain("FAIL");
      expect(ended.out).toContain("cap cannot tell how many packets it dropped");
      expect(ended.code, ended.err).toBe(2);
      expect(namespacesOf(ended.err)).toEqual([]);
    });

    it("refuses a second demo beside a running one, and cleans up after Ctrl-C", async () => {
      const { desk, said } = await demoUnderLoad();
      const second = await understudy("demo");
      expect(second.code).toBe(3);
      expect(second.err.trim().split("\n").at(-1)).toMatch(/lab/i);
      desk.kill("SIGINT");
      const [code] = await once(desk, "exit");
      expect(code).toBe(130);
      expect(namespacesOf(said)).toEqual([]);
    });

    it("leaves nothing behind even when the desk is killed", async () => {
      const { desk, said } = await demoUnderLoad();
      expect(namespacesOf(said)).toHaveLength(4);
      desk.kill("SIGKILL");
      await once(desk, "exit");
      await nothingLeft(said);
      // What was recorded until then opens and says what it is.
      const scenario = join(folder, "runs", "main-job");
      const newest =
        readdirSync(scenario)
          .filter((name) => name.startsWith("2"))
          .toSorted()
          .at(-1) ?? "";
      expect(existsSync(join(scenario, newest, "run.sqlite"))).toBe(true);
      const reader = openRecord(join(scenario, newest));
      expect(reader.cutOff).toBe(true);
      reader.close();
    });
  },
);

describe("the command line", () => {
  it("does the job on loopback where there are no namespaces, and says what that cannot show", async () => {
    const ended = await understudy("demo", "--lab", "loopback", "--seconds", "1");
    expect(ended.out).toMatch(/✓ pass +Messages lost +0 of/);
    expect(ended.out).not.toContain("FAIL");
    expect(ended.err).toContain("an outside link cannot be cut");
    expect([0, 2]).toContain(ended.code);
  });

  it("says at once that a lab which cannot cut links cannot do a fault that does", async () => {
    const ended = await understudy("demo", "--lab", "loopback", "--fault", "path-cut");
    expect(ended.err).toContain("The fault path-cut cuts links, which the loopback lab cannot");
    expect(ended.code).toBe(3);
  });

  it.each([
    [["demo", "--peer", "nobody"], /--peer.*agent.*usrsctp/s],
    [["demo", "--policy", "sometimes"], /no replication policy "sometimes"/],
    [["demo", "--fault", "sneeze"], /--fault.*crash.*rejoin/s],
    [["demo", "--store", "redis"], /--store redis is for a run with a third computer/],
    [["matrix", "--only", "sneeze"], /No combination is meant by --only sneeze/],
    [["demo", "--rate", "lots"], /whole number from 1 to 20000/],
    [["nonsense"], /"nonsense" is neither a command nor a run/],
    [["verify", "/nowhere/run"], /nowhere/],
    [["demo", "--testbed", "/nowhere.yaml"], /testbed file .* cannot be read/],
  ])("answers %j with one sentence and exit code 64", async (args, sentence) => {
    const ended = await understudy(...args);
    expect(ended.err).toMatch(sentence);
    expect(ended.err).not.toContain("    at ");
    expect(ended.code).toBe(64);
  });
});
