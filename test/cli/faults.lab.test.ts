import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateSshKeyPair } from "../../main/deploy/index.ts";
import type { BasicHostName } from "../../main/lab/hosts.ts";
import { buildTarget } from "../../scripts/build.ts";
import { commandsWith, eventually, noNamespaces } from "../lab/support/lab.ts";
import { type TestMachines, makeMachines } from "./support/machines.ts";
import { type Ended, lastSentence, runUnderstudy, startUnderstudy } from "./support/understudy.ts";

/** Each fault that a person meets: one clear sentence, the exit code that scripts rely on, nothing left on the hosts. */
const reason: string | undefined = noNamespaces;

/**
 * Between machines the clocks are known to a tenth of a millisecond, which may be more than an update
 * needs: then the order of the last promises before the kill is open (exit code 2), and nothing fails.
 */
function heldOrUndecided(ended: {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}): void {
  expect([0, 2], `${ended.err}\n${ended.out}`).toContain(ended.code);
  expect(ended.out).not.toContain("FAIL");
  const undecided = ended.out.split("\n").filter((line) => /^ +\? unknown/.test(line));
  for (const line of undecided)
    expect(line).toContain("Nothing left the primary before the secondary held it");
}

describe.skipIf(reason)(
  `faults at the command line${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    let machines: TestMachines;

    beforeAll(async () => {
      await buildTarget("agent");
      machines = await makeMachines();
    });
    afterAll(async () => {
      await machines?.dispose();
    });

    const demo = (testbed: string, ...more: readonly string[]): Promise<Ended> =>
      runUnderstudy(machines.env, "demo", "--testbed", testbed, "--seconds", "1", ...more);
    const nothingLeft = async (): Promise<void> => {
      await eventually(
        async () => (await machines.leftovers()).length === 0,
        "nothing of the run is left",
      ).catch(async () => expect(await machines.leftovers()).toEqual([]));
    };
    const failsWith = async (ended: Ended, code: number, sentence: RegExp): Promise<void> => {
      expect(lastSentence(ended), ended.err).toMatch(sentence);
      expect(ended.code).toBe(code);
      expect(ended.err).not.toContain("clean-up:");
      await nothingLeft();
    };
    /** A program of a host is another one meanwhile; virtual hosts have mount tables of their own. */
    const withProgram = async (
      name: BasicHostName,
      program: string,
      text: string | undefined,
      body: () => Promise<void>,
    ): Promise<void> => {
      const substitute = join(machines.folder, "substitute");
      writeFileSync(substitute, text ?? "", { mode: text === undefined ? 0o644 : 0o755 });
      chmodSync(substitute, text === undefined ? 0o644 : 0o755);
      const mounted = await machines.admin[name].exec(["mount", "--bind", substitute, program]);
      expect(mounted).toMatchObject({ code: 0 });
      try {
        await body();
      } finally {
        await machines.admin[name].exec(["umount", program]);
      }
    };
    const withDisk = async (
      name: BasicHostName,
      options: string,
      body: () => Promise<void>,
    ): Promise<void> => {
      const workdir = machines.workdirOf(name);
      mkdirSync(workdir, { mode: 0o700 });
      const mount = ["mount", "-t", "tmpfs", "-o", `mode=700,${options}`, "tmpfs", workdir];
      expect(await machines.admin[name].exec(mount)).toMatchObject({ code: 0 });
      try {
        await body();
      } finally {
        await machines.admin[name].exec(["umount", workdir]);
        await machines.admin[name].exec(["rmdir", workdir]);
      }
    };

    it("a run on machines from a testbed file holds, cuts the right device, and leaves nothing", async () => {
      const run = startUnderstudy(machines.env, ["demo", "--testbed", machines.testbed(), "--seconds", "2"]);
      const rules = async (): Promise<string> =>
        (await machines.admin.a.exec(["nft", "list", "ruleset"])).stdout;
      await run.until("Load:");
      expect(await rules()).toMatch(/table inet understudy_[0-9a-f]{12} \{[^}]*port-unreachable/);
      expect(await rules()).not.toMatch(/ifname "\w+" drop/);
      await run.until("What comes of it");
      const during = await rules();
      expect(during).toContain('iifname "out0" drop');
      expect(during).toContain('oifname "out0" drop');
      expect(during).not.toMatch(/ifname "(mgmt0|ic0)" drop/);
      const ended = await run.ended;
      heldOrUndecided(ended);
      expect(ended.out).toMatch(/✓ pass +Messages lost +0 of [1-9]\d{3}/);
      expect(ended.err).not.toContain("clean-up:");
      expect(await machines.leftovers()).toEqual([]);
    });

    it("a host key that is not the known one", async () => {
      const other = generateSshKeyPair("other");
      const known = join(machines.folder, "changed");
      const { a, b, peer } = machines.lab.hosts;
      const lines = [
        a.ssh.hostKeys.knownHosts,
        `${b.ssh.host} ${other.publicKey}`,
        peer.ssh.hostKeys.knownHosts,
      ];
      writeFileSync(known, `${lines.join("\n")}\n`);
      const ended = await demo(machines.testbed({ knownHosts: known }));
      await failsWith(
        ended,
        3,
        /^The host key of host b \(root@[\d.]+\) is not the known one: expected SHA256:\S+, got SHA256:\S+; .*replace its line in known_hosts/,
      );
    });

    it("a host key that nobody has confirmed", async () => {
      const ended = await demo(machines.testbed({ knownHosts: join(machines.folder, "none") }));
      await failsWith(
        ended,
        3,
        /^The host key of host [ab] .* is not known: .* add it to known_hosts, or set hostKeys to accept-new/,
      );
    });

    it("a user key that the hosts do not know", async () => {
      const identity = join(machines.folder, "stranger");
      writeFileSync(identity, generateSshKeyPair("stranger").privateKey, { mode: 0o600 });
      const ended = await demo(machines.testbed({ identity }));
      await failsWith(
        ended,
        3,
        /^host [ab] .* refused the key SHA256:\S+: add the public key to ~\/.ssh\/authorized_keys/,
      );
    });

    it("a host that cannot be reached", async () => {
      const nobody = machines.lab.hosts.b.ssh.host.replace(/\.\d+$/, ".99");
      const ended = await demo(machines.testbed({ ssh: { b: `host: ${nobody}, connectTimeout: 8s` } }));
      await failsWith(
        ended,
        3,
        /^host b .* (cannot be reached|does not answer).*: check that it is switched on/,
      );
    });

    it("a Node that does not run", async () => {
      const broken = `#!/bin/sh\n[ "$1" = --version ] && { echo v22.0.0; exit; }\necho "cannot map libraries" >&2\nexit 127\n`;
      await withProgram("b", "/usr/bin/node", broken, async () => {
        const sentence = /^Node on host b .* does not run: cannot map libraries; install it anew there/;
        await failsWith(await demo(machines.testbed()), 3, sentence);
      });
    });

    it("an agent that dies at its start", async () => {
      const broken = `#!/bin/sh\ncase $1 in --version|-e) exec ${process.execPath} "$@" ;; esac\necho "no memory" >&2\nexit 127\n`;
      await withProgram("b", "/usr/bin/node", broken, async () => {
        const sentence =
          /^The agent on host b .* is gone: it ended with exit code 127 \(its last words: no memory\); look there/;
        await failsWith(await demo(machines.testbed()), 3, sentence);
      });
    });

    it("a runtime that may not be executed where it was sent", async () => {
      await withProgram("b", "/usr/bin/node", "#!/bin/sh\nexit 1\n", () =>
        withDisk("b", "noexec", async () => {
          const ended = await demo(machines.testbed());
          expect(lastSentence(ended)).toMatch(
            /^host b .* has no Node 20 or later, and the one that was sent does not run there \(.*Permission denied\): install Node there/,
          );
          expect(ended.code).toBe(3);
          expect((await machines.admin.b.exec(["ls", "-A", machines.workdirOf("b")])).stdout).toBe("");
        }),
      );
      await nothingLeft();
    });

    it("a UDP port that another program has", async () => {
      const script = 'require("dgram").createSocket("udp4").bind(9899, () => console.log("bound"))';
      const holder = await machines.admin.peer.spawn(["node", "-e", script]);
      holder.stderr.resume();
      await once(holder.stdout, "data");
      try {
        const ended = await demo(machines.testbed());
        await failsWith(
          ended,
          3,
          /^Host peer is not ready: udp port 9899: taken .*; stop its owner .*, or set another udpPort/,
        );
        const elsewhere = await demo(machines.testbed(), "--udp-port", "9905");
        heldOrUndecided(elsewhere);
      } finally {
        await holder.kill("SIGTERM");
        await holder.exited;
      }
      await nothingLeft();
    });

    it("an ordinary user without the rights for firewall rules", async () => {
      // sshd reads the key file with the rights of whoever logs in.
      const labFolder = join(machines.folder, "lab", "labs", machines.lab.id);
      for (const folder of [machines.folder, join(machines.folder, "lab"), join(labFolder, ".."), labFolder])
        chmodSync(folder, 0o711);
      appendFileSync(join(labFolder, "a", "passwd"), "ordinary:x:61000:61000::/tmp:/bin/sh\n");
      const { host } = machines.lab.hosts.a.ssh;
      const ended = await demo(machines.testbed({ ssh: { a: `host: ${host}, user: ordinary` } }));
      await failsWith(
        ended,
        3,
        /^Firewall rules could not be set on host a \(ordinary@.*\): .*; it takes nftables, and root or sudo without a password/,
      );
    });

    it("a host without a program to capture with", async () => {
      await withProgram("peer", "/usr/bin/dumpcap", undefined, () =>
        withProgram("peer", "/usr/bin/tcpdump", undefined, async () => {
          const ended = await demo(machines.testbed());
          await failsWith(
            ended,
            3,
            /^host peer .* has neither dumpcap nor tcpdump .*: install one of the two/,
          );
        }),
      );
    });

    it("a full disk on a host", async () => {
      await withDisk("peer", "size=256k", async () => {
        const ended = await demo(machines.testbed());
        expect(lastSentence(ended)).toMatch(
          /^Host peer is not ready: disk: \d+ KiB free for \S+; free \d+ KiB or set another workdir/,
        );
        expect(ended.code).toBe(3);
      });
      await nothingLeft();
    });

    /** A run whose folder is on a small disk that goes with the process: its mount table is its own. */
    const demoOnSmallDisk = async (size: string, ...more: readonly string[]): Promise<Ended> => {
      const runs = join(machines.folder, "small");
      mkdirSync(runs, { recursive: true });
      const script = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"';
      const through = ["unshare", "-m", "sh", "-c", script, "sh", size, runs];
      const args = ["demo", "--testbed", machines.testbed(), "--seconds", "60", ...more];
      return await startUnderstudy({ ...machines.env, UNDERSTUDY_RUNS_DIR: runs }, args, through).ended;
    };

    it("a desk whose disk is full already", async () => {
      const ended = await demoOnSmallDisk("16k");
      const sentence =
        /^The disk for recorded runs \(\S+\) has 16 KiB left .*: free some space, or set UNDERSTUDY_RUNS_DIR/;
      await failsWith(ended, 3, sentence);
    });

    it("a desk whose disk fills up during the run", async () => {
      const ended = await demoOnSmallDisk("9m", "--rate", "1000");
      await failsWith(ended, 3, /^The disk is full: \S+run\.sqlite could not be written/);
      expect(ended.err).not.toContain("Fault:");
    });

    it("a second demo beside a running one on the same machines", async () => {
      const first = startUnderstudy(machines.env, [
        "demo",
        "--testbed",
        machines.testbed(),
        "--seconds",
        "60",
      ]);
      await first.until("Load:");
      const second = await demo(machines.testbed());
      expect(lastSentence(second)).toMatch(/^Host \w+ is not ready: udp port 9899: taken/);
      expect(second.code).toBe(3);
      expect(first.child.exitCode).toBeNull();
      first.child.kill("SIGINT");
      const ended = await first.ended;
      expect(ended.code).toBe(130);
      expect(ended.err).not.toContain("clean-up:");
      await nothingLeft();
    });

    /** The desk's SSH server process on b, found as the parent of the agent there. */
    const parentOf = (pid: string): string => {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? "";
    };
    const agentOn = (name: BasicHostName): string =>
      commandsWith(`${machines.workdirOf(name)}/agent-`)[0]?.split(" ")[0] ?? "";

    it("an agent that dies in the middle of a run", async () => {
      const run = startUnderstudy(machines.env, ["demo", "--testbed", machines.testbed(), "--seconds", "60"]);
      await run.until("Load:");
      process.kill(Number(agentOn("b")), "SIGKILL");
      await failsWith(
        await run.ended,
        3,
        /^The agent on host b .* is gone: it was ended by SIGKILL .*look there/,
      );
    });

    it("an SSH connection that breaks in the middle of a run", async () => {
      const run = startUnderstudy(machines.env, ["demo", "--testbed", machines.testbed(), "--seconds", "60"]);
      await run.until("Load:");
      process.kill(Number(parentOf(agentOn("b"))), "SIGKILL");
      await failsWith(
        await run.ended,
        3,
        /^The SSH connection to host b .* broke.*: check the machine and the network to it/,
      );
    });

    it("SIGTERM in the middle of a run", async () => {
      const run = startUnderstudy(machines.env, ["demo", "--testbed", machines.testbed(), "--seconds", "60"]);
      await run.until("Load:");
      run.child.kill("SIGTERM");
      expect((await run.ended).code).toBe(143);
      await nothingLeft();
    });

    it.each(["namespaces", "Connect to", "Start the agents"])(
      "Ctrl-C in the embedded lab after it has said %j",
      async (step) => {
        const run = startUnderstudy(machines.env, ["demo", "--lab", "netns", "--seconds", "60"]);
        await run.until(step);
        run.child.kill("SIGINT");
        const ended = await run.ended;
        expect(ended.code, ended.err).toBe(130);
        const prefix = /namespaces (\S+)-a,/.exec(ended.err)?.[1] ?? "";
        expect(prefix).not.toBe("");
        expect(execFileSync("ip", ["netns", "list"], { encoding: "utf8" })).not.toContain(`${prefix}-`);
        expect(commandsWith(`${prefix}-`)).toEqual([]);
      },
    );

    it.each([
      "Connect to",
      "Deploy",
      "captures on",
      "Associate",
      "Load",
      "Fault",
      "What comes of it",
      "Drain",
    ])("Ctrl-C at the step %j", async (step) => {
      const run = startUnderstudy(machines.env, ["demo", "--testbed", machines.testbed(), "--seconds", "1"]);
      await run.until(step);
      run.child.kill("SIGINT");
      const ended = await run.ended;
      expect(ended.code, ended.err).toBe(130);
      expect(lastSentence(ended)).not.toMatch(/bug/);
      expect(ended.err).not.toContain("clean-up:");
      await nothingLeft();
    });

    it("a damaged run file", async () => {
      const good = await demo(machines.testbed());
      const run = /^ +run +(\S+)$/m.exec(good.out)?.[1] ?? "";
      const spoil = (name: string, change: (bytes: Buffer) => Buffer): string => {
        const copy = join(machines.folder, "runs", "main-job", `20000101T00000${name}Z-00000${name}`);
        cpSync(run, copy, { recursive: true });
        const file = join(copy, "run.sqlite");
        writeFileSync(file, change(readFileSync(file)));
        return copy;
      };
      const damaged = [
        spoil("1", (bytes) => bytes.subarray(0, Math.floor(bytes.length / 2))),
        spoil("2", (bytes) => Buffer.concat([Buffer.alloc(200, 0x55), bytes.subarray(200)])),
        spoil("3", () => Buffer.alloc(0)),
      ];
      for (const path of damaged) {
        for (const args of [
          ["verify", path],
          ["export", path, join(machines.folder, "out.pcapng")],
          ["open", path],
        ]) {
          const ended = await runUnderstudy(machines.env, ...args);
          expect(lastSentence(ended)).toMatch(/damaged|not a run|is empty/);
          expect(ended.code, args.join(" ")).toBe(64);
        }
      }
      const unwritable = await runUnderstudy(
        machines.env,
        "export",
        run,
        join(machines.folder, "no", "such", "folder.pcapng"),
      );
      expect(lastSentence(unwritable)).toMatch(/could not be written/);
      expect(unwritable.code).toBe(64);
    });

    it("no process of the machines' network is left by all that", () => {
      const all = execFileSync("ip", ["netns", "pids", machines.lab.hosts.a.namespace ?? ""], {
        encoding: "utf8",
      });
      // The SSH server, and what serves the login of this test.
      expect(all.trim().split("\n").length).toBeLessThanOrEqual(5);
    });
  },
);
