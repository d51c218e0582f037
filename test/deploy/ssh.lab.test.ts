import { once } from "node:events";
import { appendFileSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  connectSsh,
  generateSshKeyPair,
  HostError,
  type SshHost,
  type SshTarget,
} from "../../main/deploy/index.ts";
import type { Lab } from "../../main/lab/hosts.ts";
import { createVirtualLab } from "../../main/lab/virtual/index.ts";
import { commandsWith, eventually, isRunning, newStateDir, noNamespaces } from "../lab/support/lab.ts";

async function failure(target: SshTarget, timeoutMs = 8000, signal?: AbortSignal): Promise<HostError> {
  try {
    const host = await connectSsh(target, { timeoutMs, ...(signal && { signal }) });
    await host.close();
  } catch (error) {
    if (error instanceof HostError) return error;
    throw error;
  }
  throw new Error("it connected");
}

describe.skipIf(noNamespaces)(
  `SSH against a real sshd${noNamespaces ? ` (skipped: ${noNamespaces})` : ""}`,
  () => {
    const state = newStateDir();
    let lab: Lab;
    let target: SshTarget;
    let host: SshHost;

    beforeAll(async () => {
      lab = await createVirtualLab({ stateDir: state.path, log: () => {}, kind: "netns" });
      target = lab.hosts.a.ssh;
      host = await connectSsh(target, { timeoutMs: 8000, sharesFiles: true });
    });
    afterAll(async () => {
      await host?.close();
      await lab?.dispose();
      state.remove();
    });

    test("a program's output, exit code and signal come back", async () => {
      const result = await host.exec([
        "sh",
        "-c",
        'printf "%s|" "$@"; echo oops >&2; exit 3',
        "x",
        "a b",
        "c'd",
      ]);
      expect(result).toEqual({ code: 3, signal: null, stdout: "a b|c'd|", stderr: "oops\n" });
      expect(await host.exec(["sh", "-c", "kill -9 $$"])).toMatchObject({ code: null, signal: "SIGKILL" });
      expect((await host.exec(["cat"], { stdin: "in" })).stdout).toBe("in");
      expect((await host.exec(["no-such-program"])).code).toBe(127);
    });

    test("quick programs one after the other all report their end", async () => {
      for (let round = 0; round < 30; round++) expect((await host.exec(["true"])).code).toBe(0);
    });

    test("too much output and too long a run are errors", async () => {
      await expect(host.exec(["yes"], { maxOutputBytes: 10_000 })).rejects.toThrow(/more than 10000 bytes/);
      await expect(host.exec(["sleep", "60.0625"], { timeoutMs: 300 })).rejects.toThrow(
        /did not end within 0.3 s/,
      );
      await eventually(() => commandsWith("sleep 60.0625").length === 0, "the late program is ended");
    });

    test("a wrong host key shows both fingerprints and is refused under either policy", async () => {
      const stranger = generateSshKeyPair("stranger").publicKey;
      const knownHosts = `${target.host} ${stranger}`;
      const remembered: string[] = [];
      const remember = (line: string): void => void remembered.push(line);
      for (const hostKeys of [
        { policy: "strict", knownHosts },
        { policy: "accept-new", knownHosts, remember },
      ] as const) {
        const error = await failure({ ...target, hostKeys });
        expect(error.fault).toBe("host-key");
        expect(error.message).toMatch(/expected SHA256:\S{43}, got SHA256:\S{43}; .*known_hosts/);
      }
      expect(remembered).toEqual([]);
    });

    test("an unknown host key is refused when strict; accept-new remembers it once", async () => {
      const error = await failure({ ...target, hostKeys: { policy: "strict", knownHosts: "" } });
      expect(error.fault).toBe("host-key");
      expect(error.message).toMatch(/is not known: it shows SHA256:\S{43}/);
      const lines: string[] = [];
      for (let round = 0; round < 2; round++) {
        const hostKeys = {
          policy: "accept-new" as const,
          knownHosts: lines.join("\n"),
          remember: (line: string) => void lines.push(line),
        };
        await (await connectSsh({ ...target, hostKeys }, { timeoutMs: 8000 })).close();
      }
      expect(lines).toHaveLength(1);
      await (
        await connectSsh(
          { ...target, hostKeys: { policy: "strict", knownHosts: lines[0]! } },
          { timeoutMs: 8000 },
        )
      ).close();
    });

    test("a wrong user key", async () => {
      const error = await failure({ ...target, auth: { privateKey: generateSshKeyPair("x").privateKey } });
      expect(error.fault).toBe("user-key");
      expect(error.message).toMatch(
        /refused the key SHA256:\S{43}: add the public key to ~\/.ssh\/authorized_keys of root/,
      );
    });

    test("a private key that is none", async () => {
      const error = await failure({ ...target, auth: { privateKey: "nonsense" } });
      expect([error.fault, error.message]).toEqual(["user-key", expect.stringMatching(/cannot be read/)]);
    });

    test("an address in the management network that nobody has", async () => {
      const nobody = target.host.replace(/\d+$/, "99");
      const error = await failure({ ...target, host: nobody });
      expect(error.fault).toBe("unreachable");
      expect(error.message).toContain(`(root@${nobody}) cannot be reached`);
    });

    test("a port that nobody listens on, a name that does not exist", async () => {
      expect((await failure({ ...target, port: 23 })).fault).toBe("refused");
      expect((await failure({ ...target, host: "nowhere.invalid" })).fault).toBe("name");
    });

    test("a server that accepts and says nothing; a cancelled attempt", async () => {
      const silent: Server = createServer((socket) => void socket.on("error", () => {}));
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
      const address = silent.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      const deaf = { ...target, host: "127.0.0.1", port: address.port };
      expect((await failure(deaf, 300)).message).toMatch(/does not answer within 0.3 s/);
      expect((await failure(deaf, 20_000, AbortSignal.timeout(50))).fault).toBe("cancelled");
      silent.close();
    });

    test("a spawned program streams both ways and dies by the signal that is sent", async () => {
      const cat = await host.spawn(["sh", "-c", "echo first; exec cat"]);
      cat.stderr.resume();
      let text = "";
      cat.stdout.on("data", (chunk: Buffer) => (text += chunk));
      cat.stdin.write("second\n");
      await eventually(() => text === "first\nsecond\n", "both lines came");
      expect(isRunning(cat.pid)).toBe(true);
      await cat.kill("SIGKILL");
      expect(await cat.exited).toEqual({ code: null, signal: "SIGKILL" });
      // The program is gone: a late signal is handed over to nobody, and that is fine.
      await cat.kill("SIGTERM");
    });

    test("end of input ends a program that reads, with its own exit code", async () => {
      const counter = await host.spawn(["sh", "-c", "wc -c >&2; exit 5"]);
      let text = "";
      counter.stdout.resume();
      counter.stderr.on("data", (chunk: Buffer) => (text += chunk));
      counter.stdin.end("12345");
      expect(await counter.exited).toEqual({ code: 5, signal: null });
      expect(text.trim()).toBe("5");
    });

    test("a program that is not there is one clear sentence", async () => {
      await expect(host.spawn(["no-such-program"])).rejects.toThrow(
        /There is no program no-such-program on host a/,
      );
    });

    test("closing the connection ends even a program that ignores everything but SIGKILL", async () => {
      const own = await connectSsh(target, { timeoutMs: 8000 });
      const quiet = await own.spawn(["sleep", "600"]);
      const stubborn = await own.spawn([
        "sh",
        "-c",
        'trap "" TERM INT HUP; sleep 600 & echo $!; while :; do sleep 1; done',
      ]);
      const [line] = await once(stubborn.stdout, "data");
      const pids = [quiet.pid, stubborn.pid, Number(line)];
      for (const program of [quiet, stubborn]) {
        program.stdout.resume();
        program.stderr.resume();
      }
      expect(pids.map(isRunning)).toEqual([true, true, true]);
      await own.close();
      await expect(quiet.exited).rejects.toThrow(/closed by us/);
      await eventually(() => !pids.some(isRunning), "both programs and the child of one ended");
    });

    test("a connection that breaks is told, ends waiting work and the programs there", async () => {
      const own = await connectSsh(target, { timeoutMs: 8000 });
      const program = await own.spawn(["sleep", "600"]);
      program.stdout.resume();
      program.stderr.resume();
      const waiting = own.exec(["sleep", "600"]);
      const ends = Promise.allSettled([program.exited, waiting]);
      // The sshd process of this very connection is the parent of what it has started.
      const server = Number(
        /^\S+ \(.*\) \S (\d+)/.exec(readFileSync(`/proc/${program.pid}/stat`, "latin1"))?.[1],
      );
      process.kill(server, "SIGKILL");
      expect((await own.lost).message).toMatch(/The SSH connection to host a .* broke/);
      expect((await ends).map((end) => end.status)).toEqual(["rejected", "rejected"]);
      await expect(own.exec(["true"])).rejects.toThrow(/broke/);
      await expect(own.spawn(["true"])).rejects.toThrow(/broke/);
      await eventually(() => !isRunning(program.pid), "the program ended");
    });

    test("an account that may not run programs cannot start programs, and says so", async () => {
      const limited = generateSshKeyPair("limited");
      const keysFile = join(state.path, "labs", lab.id, "authorized_keys");
      appendFileSync(
        keysFile,
        `command="echo This account is for files only >&2; exit 1" ${limited.publicKey}\n`,
      );
      const own = await connectSsh(
        { ...target, auth: { privateKey: limited.privateKey } },
        { timeoutMs: 8000 },
      );
      await expect(own.spawn(["sleep", "1"])).rejects.toThrow(
        /sleep could not be started on host a .*: This account is for files only/,
      );
      await own.close();
    });
  },
);
