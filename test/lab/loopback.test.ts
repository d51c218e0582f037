import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { connectSsh, deployAgent, generateSshKeyPair, preflight, undeploy } from "../../main/deploy/index.ts";
import { createVirtualLab } from "../../main/lab/virtual/index.ts";
import { commandsWith, eventually, isRunning, newStateDir, startOwner, withLab } from "./support/lab.ts";

const noLoopback =
  process.platform === "linux" ? undefined : "only Linux answers on all of 127.0.0.0/8 without being set up";
const bundle = Buffer.from(
  "process.stdin.on('data', (data) => process.stdout.write(data)); process.stdin.on('end', () => process.exit(7));",
);

describe.skipIf(noLoopback)(
  `a lab on loopback addresses${noLoopback ? ` (skipped: ${noLoopback})` : ""}`,
  () => {
    test("deploys, runs and removes an agent over SSH", async () => {
      await withLab({ kind: "loopback" }, async (lab) => {
        expect(lab.kind).toBe("loopback");
        const { a, b, peer } = lab.hosts;
        const addresses = [a, b, peer].flatMap((each) => [each.management.address, each.outside.address]);
        expect(new Set([...addresses, a.intra.address, b.intra.address]).size).toBe(8);
        for (const { ssh, workdir } of [a, b, peer]) {
          const host = await connectSsh(ssh, { timeoutMs: 8000, sharesFiles: true });
          // Larger than one SFTP request, so that several are on their way at once.
          const big = Buffer.concat([bundle, Buffer.from(`\n//${"x".repeat(300_000)}`)]);
          const deployed = await deployAgent(host, { bundle: big, workdir });
          expect(deployed.uploaded).toBe(true);
          expect(readFileSync(deployed.agentPath).equals(big)).toBe(true);
          expect((await deployAgent(host, { bundle: big, workdir })).uploaded).toBe(false);
          const agent = await host.spawn([deployed.nodeCommand, deployed.agentPath]);
          agent.stderr.resume();
          agent.stdin.write("hello");
          const [heard] = await once(agent.stdout, "data");
          expect(String(heard)).toBe("hello");
          agent.stdout.resume();
          agent.stdin.end();
          expect(await agent.exited).toEqual({ code: 7, signal: null });
          const items = await preflight(host, { workdir, interfaces: [a.outside], udpPorts: [1] });
          // Without iproute2 two items cannot be told, and say so.
          const flaws = items.filter(({ ok, fix }) => !ok && fix !== "Install iproute2.");
          expect(flaws).toEqual([]);
          await undeploy(host, workdir);
          expect(existsSync(workdir)).toBe(false);
          await host.close();
        }
      });
    });

    test("exit codes, signals, missing programs and quick programs are those of a real server", async () => {
      await withLab({ kind: "loopback" }, async (lab) => {
        const host = await connectSsh(lab.hosts.a.ssh, { timeoutMs: 8000 });
        for (let round = 0; round < 20; round++) expect((await host.exec(["true"])).code).toBe(0);
        expect(await host.exec(["sh", "-c", "echo out; echo err >&2; exit 3"])).toEqual({
          code: 3,
          signal: null,
          stdout: "out\n",
          stderr: "err\n",
        });
        expect(await host.exec(["sh", "-c", "kill -9 $$"])).toMatchObject({ code: null, signal: "SIGKILL" });
        await expect(host.spawn(["no-such-program"])).rejects.toThrow(/There is no program/);
        const program = await host.spawn(["sleep", "600"]);
        program.stdout.resume();
        program.stderr.resume();
        await program.kill("SIGKILL");
        expect(await program.exited).toEqual({ code: null, signal: "SIGKILL" });
        await host.close();
      });
    });

    test("only the lab's own key logs in, and the server proves who it is", async () => {
      await withLab({ kind: "loopback" }, async (lab) => {
        const { ssh } = lab.hosts.a;
        const stranger = { ...ssh, auth: { privateKey: generateSshKeyPair("x").privateKey } };
        await expect(connectSsh(stranger, { timeoutMs: 8000 })).rejects.toThrow(/refused the key/);
        const impostor = { ...ssh, port: lab.hosts.b.ssh.port, host: lab.hosts.b.ssh.host };
        const hostKeys = {
          policy: "strict" as const,
          knownHosts: `[${impostor.host}]:${impostor.port} ${generateSshKeyPair("y").publicKey}`,
        };
        await expect(connectSsh({ ...impostor, hostKeys }, { timeoutMs: 8000 })).rejects.toThrow(
          /is not the known one/,
        );
        await expect(connectSsh({ ...ssh, user: "nobody-here" }, { timeoutMs: 8000 })).rejects.toThrow(
          /refused the key/,
        );
      });
    });

    test("a cut is refused with one sentence", async () => {
      await withLab({ kind: "loopback" }, async (lab) => {
        await expect(lab.cut("a:outside")).rejects.toThrow(/^No link can be cut in the loopback lab: .*\.$/);
      });
    });

    test("dispose ends the programs that still run", async () => {
      let pid = 0;
      await withLab({ kind: "loopback" }, async (lab) => {
        const host = await connectSsh(lab.hosts.a.ssh, { timeoutMs: 8000 });
        const program = await host.spawn(["sleep", "600"]);
        program.stdout.resume();
        pid = program.pid;
      });
      expect(pid).toBeGreaterThan(0);
      expect(isRunning(pid)).toBe(false);
    });

    test("after SIGKILL of the desk its programs end and its folder goes", async () => {
      const state = newStateDir();
      const owner = await startOwner(state.path, "loopback");
      const mine = (): string[] => commandsWith(`${state.path}/labs/${owner.id}`);
      expect(mine().length).toBeGreaterThan(0);
      await owner.kill("SIGKILL");
      await eventually(() => mine().length === 0, "its programs ended");
      await eventually(() => !existsSync(join(state.path, "labs", owner.id)), "its folder went");
      state.remove();
    });

    test("an impossible id is refused", async () => {
      const state = newStateDir();
      const lab = createVirtualLab({
        stateDir: state.path,
        log: () => {},
        kind: "loopback",
        id: "../../etc",
      });
      await expect(lab).rejects.toThrow(/cannot be the id of a lab/);
      state.remove();
    });
  },
);
