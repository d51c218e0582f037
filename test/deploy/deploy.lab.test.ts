import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  clockOffset,
  connectSsh,
  deployAgent,
  generateSshKeyPair,
  preflight,
  schedulingWords,
  undeploy,
  type SshHost,
} from "../../main/deploy/index.ts";
import type { Lab } from "../../main/lab/hosts.ts";
import { createVirtualLab } from "../../main/lab/virtual/index.ts";
import { noNative } from "../host/support/native.ts";
import { newStateDir, noNamespaces } from "../lab/support/lab.ts";

const bundle = Buffer.from("console.log(`agent on ${process.version}`); process.stdin.resume();\n");

function modeOf(path: string): string {
  return (statSync(path).mode & 0o7777).toString(8);
}

describe.skipIf(noNamespaces)(
  `deploy to a real sshd${noNamespaces ? ` (skipped: ${noNamespaces})` : ""}`,
  () => {
    const state = newStateDir();
    let lab: Lab;
    let host: SshHost;
    let nextFolder = 0;
    const newWorkdir = (): string => join(state.path, `work-${nextFolder++}`);

    beforeAll(async () => {
      lab = await createVirtualLab({ stateDir: state.path, log: () => {}, kind: "netns" });
      host = await connectSsh(lab.hosts.a.ssh, { timeoutMs: 8000, sharesFiles: true });
    });
    afterAll(async () => {
      await host?.close();
      await lab?.dispose();
      state.remove();
    });

    /** Logs in as an account whose PATH has every ordinary program but those, run by `through`. */
    async function connectLimited(
      name: string,
      isMissing: (program: string) => boolean,
      through: string = "",
    ): Promise<SshHost> {
      const folder = join(state.path, name);
      mkdirSync(folder);
      for (const program of readdirSync("/usr/bin")) {
        if (!isMissing(program)) symlinkSync(join("/usr/bin", program), join(folder, program));
      }
      const keys = generateSshKeyPair(name);
      const script = join(state.path, `${name}.sh`);
      writeFileSync(
        script,
        `case $SSH_ORIGINAL_COMMAND in internal-sftp) exec /usr/lib/openssh/sftp-server;; esac\nPATH=${folder}; export PATH; exec ${through} sh -c "$SSH_ORIGINAL_COMMAND"\n`,
      );
      const keysFile = join(state.path, "labs", lab.id, "authorized_keys");
      appendFileSync(keysFile, `command="sh ${script}" ${keys.publicKey}\n`);
      return await connectSsh(
        { ...lab.hosts.a.ssh, auth: { privateKey: keys.privateKey } },
        { timeoutMs: 8000 },
      );
    }

    test("an agent is sent once, under its hash, into a folder of its own", async () => {
      const workdir = newWorkdir();
      const first = await deployAgent(host, { bundle, workdir });
      expect(first.uploaded).toBe(true);
      expect(first.agentPath).toMatch(/\/agent-[0-9a-f]{16}\.mjs$/);
      expect([modeOf(workdir), modeOf(first.agentPath)]).toEqual(["700", "600"]);
      expect(readFileSync(first.agentPath)).toEqual(bundle);
      const written = statSync(first.agentPath).ino;
      expect(await deployAgent(host, { bundle, workdir })).toEqual({ ...first, uploaded: false });
      expect(statSync(first.agentPath).ino).toBe(written);

      const agent = await host.spawn([first.nodeCommand, first.agentPath]);
      agent.stderr.resume();
      const [said] = await once(agent.stdout, "data");
      expect(String(said)).toBe(`agent on ${first.nodeVersion}\n`);
      agent.stdin.end();
      agent.stdout.resume();
      expect(await agent.exited).toEqual({ code: 0, signal: null });
    });

    test("a host gets the packet addon for its architecture, if any, and its own Node loads it", async ({
      skip,
    }) => {
      if (noNative !== undefined) skip(noNative);
      const workdir = newWorkdir();
      const foreign = join(state.path, "foreign.node");
      const header = Buffer.alloc(64);
      header.write("\u007fELF", "latin1");
      header.writeUInt16LE(process.arch === "arm64" ? 0x3e : 0xb7, 18);
      writeFileSync(foreign, header);
      const own = resolve(`dist/native/linux-${process.arch}/understudy-io.node`);
      const loader = Buffer.from(
        'import { createRequire } from "node:module";\n' +
          "console.log(typeof createRequire(import.meta.url)(process.argv[2]).open);\n",
      );
      expect((await deployAgent(host, { bundle: loader, addons: [foreign], workdir })).addonPath).toBe(
        undefined,
      );
      const deployed = await deployAgent(host, { bundle: loader, addons: [foreign, own], workdir });
      expect(deployed.addonPath).toMatch(/\/understudy-io-[0-9a-f]{16}\.node$/);
      const { nodeCommand, agentPath, addonPath = "" } = deployed;
      expect((await host.exec([nodeCommand, agentPath, addonPath])).stdout).toBe("function\n");
      await undeploy(host, workdir);
      expect(existsSync(workdir)).toBe(false);
    });

    test("a damaged file under the right name is sent again; another bundle lies beside the first", async () => {
      const workdir = newWorkdir();
      const { agentPath } = await deployAgent(host, { bundle, workdir });
      writeFileSync(agentPath, "half");
      expect((await deployAgent(host, { bundle, workdir })).uploaded).toBe(true);
      expect(readFileSync(agentPath)).toEqual(bundle);
      await deployAgent(host, { bundle: Buffer.from("//"), workdir });
      expect(readdirSync(workdir)).toHaveLength(2);
    });

    test("undeploy leaves nothing of ours and everything of others", async () => {
      const workdir = newWorkdir();
      const { agentPath } = await deployAgent(host, { bundle, workdir });
      writeFileSync(`${agentPath}.part-0badc0de`, "left by a broken upload");
      writeFileSync(join(workdir, "notes.txt"), "the operator's own");
      await undeploy(host, workdir);
      expect(readdirSync(workdir)).toEqual(["notes.txt"]);
      execFileSync("rm", [join(workdir, "notes.txt")]);
      await undeploy(host, workdir);
      expect(() => statSync(workdir)).toThrow(/ENOENT/);
      await undeploy(host, workdir);
    });

    test("a folder that others may write is refused and left as it was", async () => {
      const workdir = newWorkdir();
      mkdirSync(workdir);
      execFileSync("chmod", ["1777", workdir]);
      await expect(deployAgent(host, { bundle, workdir })).rejects.toThrow(
        /other users may write into it; set a folder of its own/,
      );
      expect(modeOf(workdir)).toBe("1777");
      const file = newWorkdir();
      writeFileSync(file, "");
      await expect(deployAgent(host, { bundle, workdir: `${file}/below` })).rejects.toThrow(/cannot be used/);
    });

    test("a full disk is one clear sentence and leaves no partial file", async () => {
      const workdir = newWorkdir();
      mkdirSync(workdir);
      // A virtual host has a mount table of its own: this file system exists there alone, and goes with it.
      const mounted = await host.exec(["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", workdir]);
      expect(mounted).toMatchObject({ code: 0, stderr: "" });
      try {
        const big = Buffer.alloc(1024 * 1024, 1);
        await expect(deployAgent(host, { bundle: big, workdir })).rejects.toThrow(
          /The disk of host a .* is full: .* needs 1024 KiB and .* has \d+ KiB left; free some space there, or set another workdir/,
        );
        expect((await host.exec(["ls", "-A", workdir])).stdout).toBe("");
        const item = (await preflight(host, { workdir })).find(({ check }) => check === "disk");
        expect(item).toMatchObject({ ok: false, fix: expect.stringMatching(/^Free \d+ KiB/) });
        // It is usable again for what fits.
        expect((await deployAgent(host, { bundle, workdir })).uploaded).toBe(true);
      } finally {
        await host.exec(["umount", workdir]);
      }
    });

    test("a host without Node gets ours, and only one of its own kind", async () => {
      const bare = await connectLimited("no-node", (program) => program.startsWith("node"));
      try {
        const workdir = newWorkdir();
        await expect(deployAgent(bare, { bundle, workdir })).rejects.toThrow(
          /has no Node 20 or later, and none was given to send/,
        );
        const nodeBinary = process.execPath;
        const foreign = join(state.path, "foreign");
        const header = readFileSync(nodeBinary).subarray(0, 64);
        header.writeUInt16LE(header.readUInt16LE(18) === 0xb7 ? 0x3e : 0xb7, 18);
        writeFileSync(foreign, header);
        await expect(deployAgent(bare, { bundle, workdir, nodeBinary: foreign })).rejects.toThrow(
          /the one that could be sent is for Linux (aarch64|x86_64) while the host is Linux/,
        );
        const deployed = await deployAgent(bare, { bundle, workdir, nodeBinary });
        expect(deployed).toMatchObject({ nodeVersion: process.version, uploaded: true });
        expect(modeOf(deployed.nodeCommand)).toBe("755");
        expect(await deployAgent(bare, { bundle, workdir, nodeBinary })).toEqual({
          ...deployed,
          uploaded: false,
        });
        const { stdout } = await bare.exec([deployed.nodeCommand, deployed.agentPath], { stdin: "" });
        expect(stdout).toBe(`agent on ${process.version}\n`);
        const item = (await preflight(bare, { workdir, nodeCanBeSent: true })).find(
          ({ check }) => check === "node",
        );
        expect(item).toEqual({ check: "node", ok: true, detail: "no Node; ours will be sent" });
        await undeploy(bare, workdir);
      } finally {
        await bare.close();
      }
    });

    test("a program runs ahead of ordinary ones where the host allows it, and as one of them elsewhere", async () => {
      const words = await schedulingWords(host, "real-time");
      const { stdout } = await host.exec([...words, "chrt", "--pid", "0"]);
      expect(stdout).toMatch(/policy: SCHED_RR\n.*priority: 1\n/);
      expect(await schedulingWords(host, "normal")).toEqual([]);
      const modest = "setpriv --bounding-set -sys_nice --inh-caps -sys_nice";
      const forbidden = await connectLimited("modest", () => false, modest);
      const without = await connectLimited("no-chrt", (program) => program === "chrt");
      try {
        expect(await schedulingWords(forbidden, "real-time")).toEqual([]);
        expect(await schedulingWords(without, "real-time")).toEqual([]);
      } finally {
        await Promise.all([forbidden.close(), without.close()]);
      }
    });

    test("preflight of a good host is all green", async () => {
      const { a } = lab.hosts;
      const items = await preflight(host, {
        workdir: a.workdir,
        interfaces: [a.outside, a.intra],
        udpPorts: [lab.udpPort],
        root: true,
      });
      expect(items.filter(({ ok }) => !ok)).toEqual([]);
      expect(items.map(({ check }) => check)).toEqual([
        "reach",
        "node",
        "disk",
        "root",
        "interface out0",
        "interface ic0",
        "udp port 9899",
        "clock",
      ]);
    });

    test("preflight for raw packets names each thing that is missing", async () => {
      const { workdir } = lab.hosts.a;
      const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
      const needs = { workdir, raw: { addonMachines: [machine], quiet: true } };
      const checks = ["packet addon", "raw packets", "kernel SCTP", "ICMP"];
      const good = (await preflight(host, needs)).filter(({ check }) => checks.includes(check));
      expect(good.map(({ check }) => check)).toEqual(checks);
      // All hosts here share one kernel, whatever it has loaded.
      const isLoaded = existsSync("/proc/net/sctp");
      expect(good.map(({ ok }) => ok)).toEqual([true, true, !isLoaded, true]);

      // Without that right, on a host of another kind.
      const bare = await connectLimited(
        "no-raw",
        (program) => program === "uname",
        "setpriv --bounding-set -net_raw",
      );
      writeFileSync(join(state.path, "no-raw", "uname"), "#!/bin/sh\necho riscv64\n", { mode: 0o755 });
      try {
        const items = await preflight(bare, needs);
        const flaws = items.filter(({ check, ok }) => checks.includes(check) && !ok);
        expect(flaws.map(({ check, detail }) => `${check}: ${detail}`)).toEqual([
          "packet addon: not built for riscv64",
          "raw packets: the SSH user has no CAP_NET_RAW",
          ...(isLoaded ? ["kernel SCTP: loaded: it would answer every packet of ours with an ABORT"] : []),
        ]);
      } finally {
        await bare.close();
      }
    });

    test("preflight names what is wrong and what to do", async () => {
      const holder = await host.spawn([
        "node",
        "-e",
        'require("dgram").createSocket("udp4").bind(9899, () => console.log("bound"))',
      ]);
      holder.stderr.resume();
      await once(holder.stdout, "data");
      const file = newWorkdir();
      writeFileSync(file, "");
      const items = await preflight(host, {
        workdir: `${file}/below`,
        interfaces: [
          { device: "eth9", address: "192.0.2.11" },
          { device: "out0", address: "192.0.2.99" },
        ],
        udpPorts: [9899, 9900],
      });
      await holder.kill("SIGTERM");
      await holder.exited;
      expect(items.filter(({ ok }) => !ok).map(({ check, detail, fix }) => [check, detail, fix])).toEqual([
        ["disk", `${file}/below is not writable`, expect.stringContaining("workdir")],
        ["interface eth9", "not there, or down", expect.stringContaining("testbed")],
        ["interface out0", "has 192.0.2.11", expect.stringContaining("192.0.2.99")],
        ["udp port 9899", expect.stringContaining("taken"), expect.stringContaining("ss -lunp")],
      ]);
    });

    test("the clock of a host that shares ours is ours, within the stated error", async () => {
      for (const node of [undefined, "node"]) {
        const clock = await clockOffset(host, node);
        expect(clock).toBeDefined();
        // Both read the same clock, so the error bound itself must cover the difference (plus rounding of the desk's own stamp).
        expect(Math.abs(clock!.offsetMicros)).toBeLessThanOrEqual(clock!.errorMicros + 1000);
      }
    });
  },
);
