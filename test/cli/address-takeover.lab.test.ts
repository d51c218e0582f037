import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { missingPrograms } from "../../main/lab/virtual/sshd.ts";
import { buildTarget } from "../../scripts/build.ts";
import { noNative } from "../host/support/native.ts";
import { commandsWith, noNamespaces } from "../lab/support/lab.ts";
import { makeMachines } from "./support/machines.ts";
import { type Ended, runUnderstudy, startUnderstudy } from "./support/understudy.ts";

const missing = missingPrograms("nft", "tcpdump");
const reason =
  noNamespaces ?? noNative ?? (missing.length > 0 ? `missing: ${missing.join(", ")}` : undefined);
const folder: string = mkdtempSync(join(tmpdir(), "understudy-address-test-"));
const env = {
  ...process.env,
  NO_COLOR: "1",
  UNDERSTUDY_RUNS_DIR: join(folder, "runs"),
  UNDERSTUDY_STATE_DIR: join(folder, "state"),
};

/** The way between the outside computer and b's own address is cut: behind the captures, which see what was sent. */
const dropAt = (host: "b" | "peer"): string => `table inet only_a {
  chain in { type filter hook input priority 0; iifname "out0" ip ${host === "b" ? "daddr" : "saddr"} 192.0.2.12 drop; }
}
`;

/** A busy computer takes seconds for a cut: with the timers of RFC 9260 the outside computer bears that. */
const patience = ["--timers", "rfc9260", "--seconds", "6", "--rate", "200"];

interface Watched extends Ended {
  /** Announcements of a's address by ARP, as they came to the outside computer. */
  readonly announcements: readonly string[];
}

/** A host is lost under load, and the outside computer can reach nobody but at that host's address. */
async function loseHost(...more: readonly string[]): Promise<Watched> {
  const demo = startUnderstudy(env, ["demo", "--lab", "netns", "--fault", "host-cut", ...more]);
  onTestFinished(() => void demo.child.kill("SIGTERM"));
  await demo.until("Load:");
  const prefix = /namespaces (\S+)-a,/.exec(demo.said())?.[1] ?? "";
  const on = (host: string): string[] => ["netns", "exec", `${prefix}-${host}`];
  for (const host of ["b", "peer"] as const)
    execFileSync("ip", [...on(host), "nft", "-f", "-"], { input: dropAt(host) });
  const words = ["tcpdump", "-l", "-n", "-e", "-i", "out0", "arp"];
  const capture = spawn("ip", [...on("peer"), ...words], { stdio: ["ignore", "pipe", "ignore"] });
  const lines: string[] = [];
  createInterface({ input: capture.stdout }).on("line", (line) => lines.push(line));
  const closed = once(capture, "close");
  const ended = await demo.ended;
  capture.kill("SIGTERM");
  await closed;
  return {
    ...ended,
    announcements: lines.filter((line) => /who-has 192\.0\.2\.11 .*tell 192\.0\.2\.11/.test(line)),
  };
}

describe.skipIf(reason)(
  `address takeover on the command line${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    beforeAll(async () => {
      await buildTarget("agent");
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it("a peer that can reach a's address only goes on with b, which has that address then", async () => {
      const { code, out, err, announcements } = await loseHost("--address-takeover", ...patience);
      expect(code, `${err}\n${out}`).toBe(0);
      expect(out).toMatch(/✓ pass +Messages lost +0 of [1-9]\d{3}/);
      expect(out).toMatch(
        /✓ pass +The lost member's address is at one computer at a time +b had 192\.0\.2\.11 of a/,
      );
      expect(out).not.toMatch(/FAIL|unknown/);
      expect(announcements.length).toBeGreaterThanOrEqual(3);
    });

    it("without the option nothing is announced, and that peer is lost", async () => {
      const { code, out, announcements } = await loseHost("--seconds", "1");
      expect(code).not.toBe(0);
      expect(out).not.toContain("192.0.2.11 of a");
      expect(announcements).toEqual([]);
    });

    it("a machine that is cut off by its own firewall is as good as gone: it answers for its address no more", async () => {
      const machines = await makeMachines();
      onTestFinished(() => machines.dispose());
      const words = ["--fault", "host-cut", "--address-takeover", ...patience];
      const { code, out, err } = await runUnderstudy(
        machines.env,
        "demo",
        "--testbed",
        machines.testbed(),
        ...words,
      );
      // Between machines the order of the last promises before the fault may stay open.
      expect([0, 2], `${err}\n${out}`).toContain(code);
      expect(out).not.toContain("FAIL");
      expect(out).toMatch(/✓ pass +The lost member's address .* b had 192\.0\.2\.11 of a/);
      expect(await machines.leftovers()).toEqual([]);
    });

    it("in a lab whose hosts share one loopback interface it is refused with a sentence", async () => {
      const demo = startUnderstudy(env, [
        "demo",
        "--lab",
        "loopback",
        "--address-takeover",
        "--seconds",
        "1",
      ]);
      const { code, err } = await demo.ended;
      expect(err).toContain(
        "is on no link with neighbours, only in this computer: leave address takeover away",
      );
      expect(code).toBe(3);
      expect(commandsWith(env.UNDERSTUDY_STATE_DIR)).toEqual([]);
    });
  },
);
