import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { connectSsh } from "../../main/deploy/index.ts";
import type { Lab } from "../../main/lab/hosts.ts";
import { createVirtualLab, sweepStaleLabs } from "../../main/lab/virtual/index.ts";
import { eventually, newStateDir, noNamespaces, remainsOf, startOwner, withLab } from "./support/lab.ts";

const quiet = (): void => {};
describe.skipIf(noNamespaces)(
  `a lab of namespaces${noNamespaces ? ` (skipped: ${noNamespaces})` : ""}`,
  () => {
    test("three hosts see each other on the networks that they share, and nothing else", async () => {
      await withLab({ kind: "netns" }, async (lab) => {
        expect(lab.kind).toBe("netns");
        expect(lab.limits.length).toBeGreaterThan(0);
        const { a, b, peer } = lab.hosts;
        expect("intra" in peer).toBe(false);
        const host = await connectSsh(a.ssh, { timeoutMs: 8000 });
        const isReached = async (address: string): Promise<boolean> => {
          const sh = `timeout 10 bash -c 'echo > /dev/tcp/${address}/9' 2>&1 | grep -q refused`;
          return (await host.script(sh, [])).code === 0;
        };
        expect(await isReached(b.outside.address)).toBe(true);
        expect(await isReached(peer.outside.address)).toBe(true);
        expect(await isReached(b.intra.address)).toBe(true);
        const { stdout } = await host.exec(["ip", "-o", "addr"]);
        expect(stdout).toContain(`${a.outside.device}    inet ${a.outside.address}/24`);
        expect(stdout).not.toContain("fe80::");
        expect((await host.exec(["ip", "route"])).stdout).not.toContain("default");

        await lab.cut("a:outside");
        const carrier = await host.exec(["cat", `/sys/class/net/${a.outside.device}/carrier`]);
        expect(carrier.stdout).toBe("0\n");
        expect(await isReached(b.intra.address)).toBe(true);
        await lab.heal("a:outside");
        await eventually(() => isReached(peer.outside.address), "the peer is back");
        await host.close();
      });
    });

    test("the third computer sits with the cluster, and hears both members when they do not hear each other", async () => {
      await withLab({ kind: "netns", withKeeper: true }, async (lab) => {
        const { a, b, peer, keeper } = lab.hosts;
        if (keeper === undefined) throw new Error("the lab was asked for a keeper");
        expect("outside" in keeper).toBe(false);
        const [onA, onB, onKeeper] = await Promise.all(
          [a, b, keeper].map((host) => connectSsh(host.ssh, { timeoutMs: 8000 })),
        );
        const reaches = async (from: typeof onA, address: string): Promise<boolean> => {
          const sh = `timeout 1 bash -c 'echo > /dev/tcp/${address}/9' 2>&1 | grep -q refused`;
          return (await from?.script(sh, []))?.code === 0;
        };
        expect(await reaches(onKeeper, peer.outside.address)).toBe(false);
        for (let round = 0; round < 2; round++) {
          expect(await reaches(onB, a.intra.address)).toBe(true);
          await lab.cut("cluster-link");
          await lab.cut("cluster-link");
          expect(await reaches(onA, b.intra.address)).toBe(false);
          expect(await reaches(onB, a.intra.address)).toBe(false);
          expect(await reaches(onKeeper, a.intra.address)).toBe(true);
          expect(await reaches(onA, keeper.intra.address)).toBe(true);
          await lab.heal("cluster-link");
          await lab.heal("cluster-link");
        }
        await lab.cut("b:intra");
        expect(await reaches(onKeeper, b.intra.address)).toBe(false);
        expect(await reaches(onKeeper, a.intra.address)).toBe(true);
        await lab.heal("b:intra");
        await eventually(() => reaches(onKeeper, b.intra.address), "b is back");
        await Promise.all([onA?.close(), onB?.close(), onKeeper?.close()]);
      });
    });

    test("a cluster host's kernel sends no ABORT of its own, an agent does", async () => {
      await withLab({ kind: "netns" }, async (lab) => {
        const a = await connectSsh(lab.hosts.a.ssh, { timeoutMs: 8000 });
        const peer = await connectSsh(lab.hosts.peer.ssh, { timeoutMs: 8000 });
        // The same rules, counting: what is an ABORT by its chunk type, and whose it is. A kernel's own packets,
        // such as the RST for a closed port, belong to no user.
        const rules = `table inet owners {
          chain out {
            type filter hook output priority 1;
            ip protocol 132 @th,96,8 6 counter comment "arrived here"
            tcp flags & rst == rst counter comment "sent by the kernel"
            tcp flags & rst == rst meta skuid >= 0 counter comment "sent by a program"
          }
        }
`;
        expect(await a.script("nft -f -", [], { stdin: rules })).toMatchObject({ code: 0 });
        const abort = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
s.sendto(bytes(12) + bytes([6, 0, 0, 4]), ("${lab.hosts.peer.outside.address}", 0))`;
        expect(await a.exec(["python3", "-c", abort])).toMatchObject({ code: 0 });
        const knock = `timeout 10 bash -c 'echo > /dev/tcp/${lab.hosts.a.outside.address}/9' 2>&1 | grep -q refused`;
        expect(await peer.script(knock, [])).toMatchObject({ code: 0 });
        const { stdout } = await a.exec(["nft", "list", "table", "inet", "owners"]);
        expect(stdout).toMatch(/packets 1 bytes \d+ comment "arrived here"/);
        expect(stdout).toMatch(/packets 1 bytes \d+ comment "sent by the kernel"/);
        expect(stdout).toMatch(/packets 0 bytes 0 comment "sent by a program"/);
        await Promise.all([a.close(), peer.close()]);
      });
    });

    test("a cluster host's kernel does not tell the peer that the agent's port is dead, other ports it does", async () => {
      await withLab({ kind: "netns", udpPort: 9899 }, async (lab) => {
        const peer = await connectSsh(lab.hosts.peer.ssh, { timeoutMs: 8000 });
        // A connected UDP socket reports a "port unreachable" as ECONNREFUSED; the last port proves that all answers are in.
        const program = `
        const dgram = require("dgram"), heard = [];
        const ports = [9899, 9900, 9901];
        for (const port of ports) {
          const socket = dgram.createSocket("udp4");
          socket.on("error", (error) => { heard.push(port + " " + error.code); if (port === 9901) { console.log(JSON.stringify(heard)); process.exit(); } });
          socket.connect(port, process.argv[1], () => setTimeout(() => socket.send("x"), 100 * ports.indexOf(port)));
        }`;
        const { stdout } = await peer.exec(["node", "-e", program, lab.hosts.a.outside.address]);
        expect(JSON.parse(stdout)).toEqual(["9900 ECONNREFUSED", "9901 ECONNREFUSED"]);
        await peer.close();
      });
    });

    test("nothing stays behind after success, and a second dispose does no harm", async () => {
      const state = newStateDir();
      const lab = await createVirtualLab({ stateDir: state.path, log: quiet, kind: "netns" });
      const host = await connectSsh(lab.hosts.b.ssh, { timeoutMs: 8000 });
      const program = await host.spawn(["sleep", "600"]);
      program.stdout.resume();
      expect(remainsOf(lab.id, state.path).length).toBeGreaterThan(8);
      await lab.dispose();
      await lab.dispose();
      expect(remainsOf(lab.id, state.path).filter((line) => !line.includes(" reap "))).toEqual([]);
      await eventually(() => remainsOf(lab.id, state.path).length === 0, "the dismissed reaper ended");
      expect(existsSync(join(state.path, "lab.lock"))).toBe(false);
      await expect(program.exited).rejects.toThrow();
      state.remove();
    });

    test("nothing stays behind after an exception", async () => {
      let seen: Lab | undefined;
      let folder = "";
      await expect(
        withLab({ kind: "netns" }, async (lab, stateDir) => {
          seen = lab;
          folder = stateDir;
          throw new Error("the run failed");
        }),
      ).rejects.toThrow("the run failed");
      expect(seen).toBeDefined();
      await eventually(() => remainsOf(seen!.id, folder).length === 0, "everything is gone");
    });

    test.each(["SIGKILL", "SIGINT", "SIGTERM", "SIGHUP"] as const)(
      "after %s of the desk its reaper removes everything",
      async (signal) => {
        const state = newStateDir();
        const owner = await startOwner(state.path, "netns");
        expect(remainsOf(owner.id, state.path).length).toBeGreaterThan(8);
        await owner.kill(signal);
        await eventually(() => remainsOf(owner.id, state.path).length === 0, "everything is gone");
        // The dead desk's lock is no obstacle.
        const next = await createVirtualLab({ stateDir: state.path, log: quiet, kind: "loopback" });
        await next.dispose();
        state.remove();
      },
    );

    test("where the reaper was killed too, the next start removes everything", async () => {
      const state = newStateDir();
      const owner = await startOwner(state.path, "netns");
      const reapers = remainsOf(owner.id, state.path).filter((line) => line.includes(" reap "));
      expect(reapers).toHaveLength(1);
      process.kill(Number.parseInt(reapers[0]!, 10), "SIGKILL");
      await owner.kill("SIGKILL");
      expect(remainsOf(owner.id, state.path).length).toBeGreaterThan(8);
      expect(await sweepStaleLabs(state.path)).toEqual([owner.id]);
      expect(remainsOf(owner.id, state.path)).toEqual([]);
      expect(await sweepStaleLabs(state.path)).toEqual([]);
      state.remove();
    });

    test("a second lab in the same state folder is refused with one sentence; the first one lives on", async () => {
      const state = newStateDir();
      const owner = await startOwner(state.path, "netns");
      const second = createVirtualLab({ stateDir: state.path, log: quiet });
      await expect(second).rejects.toThrow(
        /^Another lab is running in .* \(process \d+\): wait until it ends, stop that process, or use another state folder\.$/,
      );
      expect(await sweepStaleLabs(state.path)).toEqual([]);
      expect(remainsOf(owner.id, state.path).length).toBeGreaterThan(8);
      await owner.kill("SIGTERM");
      await eventually(() => remainsOf(owner.id, state.path).length === 0, "everything is gone");
      state.remove();
    });

    test("two labs with different state folders run side by side", async () => {
      await withLab({ kind: "netns" }, async (one) => {
        await withLab({ kind: "netns" }, async (two) => {
          expect(one.hosts.a.management.address).not.toBe(two.hosts.a.management.address);
          for (const lab of [one, two]) {
            const host = await connectSsh(lab.hosts.a.ssh, { timeoutMs: 8000 });
            expect((await host.exec(["true"])).code).toBe(0);
            await host.close();
          }
        });
      });
    });

    test("an id whose namespaces somebody else has is refused, and those are left alone", async () => {
      execFileSync("ip", ["netns", "add", "ush3taken-net"]);
      try {
        const state = newStateDir();
        const lab = createVirtualLab({ stateDir: state.path, log: quiet, kind: "netns", id: "h3taken" });
        await expect(lab).rejects.toThrow(/already network namespaces of a lab h3taken/);
        expect(existsSync("/run/netns/ush3taken-net")).toBe(true);
        expect(existsSync(join(state.path, "lab.lock"))).toBe(false);
        state.remove();
      } finally {
        execFileSync("ip", ["netns", "del", "ush3taken-net"]);
      }
    });

    test("where the kernel refuses namespaces, the loopback lab takes over and says why", async () => {
      const state = newStateDir();
      // Stands for a container whose root has the capabilities but may not mount.
      writeFileSync(
        join(state.path, "ip"),
        "#!/bin/sh\necho mount --make-shared /run/netns failed: Permission denied >&2; exit 1\n",
        { mode: 0o755 },
      );
      const env = { ...process.env, PATH: `${state.path}:${process.env["PATH"]}` };
      const owner = await startOwner(state.path, "auto", env);
      expect(readFileSync(join(state.path, "labs", owner.id, "manifest.json"), "utf8")).toContain(
        '"namespaces":[]',
      );
      await owner.kill("SIGKILL");
      await eventually(() => remainsOf(owner.id, state.path).length === 0, "everything is gone");
      await expect(startOwner(state.path, "netns", env)).rejects.toThrow(
        /This system makes no network namespaces \(mount --make-shared/,
      );
      state.remove();
    });

    test("a lab that fails half-way leaves nothing behind", async () => {
      const state = newStateDir();
      // A file where the host's folder must come makes the start of its sshd fail, after the network is there.
      const lab = createVirtualLab({
        stateDir: state.path,
        kind: "netns",
        id: "h3half",
        log: (line) => {
          if (line.startsWith("namespaces")) writeFileSync(join(state.path, "labs/h3half/b"), "in the way");
        },
      });
      await expect(lab).rejects.toThrow(/EEXIST|ENOTDIR/);
      await eventually(() => remainsOf("h3half", state.path).length === 0, "everything is gone");
      state.remove();
    });

    test("a folder with a manifest that names foreign things is not obeyed", async () => {
      const state = newStateDir();
      execFileSync("ip", ["netns", "add", "h3-foreign"]);
      try {
        const folder = join(state.path, "labs", "evil");
        mkdirSync(folder, { recursive: true });
        const manifest = {
          version: 1,
          id: "evil",
          owner: { pid: 1, started: "0", boot: "x" },
          namespaces: ["h3-foreign"],
          link: "eth0",
        };
        writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
        expect(await sweepStaleLabs(state.path)).toEqual(["evil"]);
        expect(existsSync("/run/netns/h3-foreign")).toBe(true);
        expect(readFileSync("/proc/net/dev", "utf8")).toContain("lo:");
        expect(existsSync(folder)).toBe(false);
      } finally {
        execFileSync("ip", ["netns", "del", "h3-foreign"]);
        state.remove();
      }
    });
  },
);
