import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectSsh, type SshAuth, type SshHost } from "../../main/deploy/index.ts";
import { cutAddress, cutInterface, signalProcess } from "../../main/lab/faults/index.ts";
import type { Lab } from "../../main/lab/hosts.ts";
import { openTestbed, parseTestbed } from "../../main/lab/testbed/index.ts";
import { createVirtualLab } from "../../main/lab/virtual/index.ts";
import { eventually, newStateDir, noNamespaces } from "./support/lab.ts";

function privateKeyOf(auth: SshAuth): string {
  if ("agent" in auth) throw new Error("the lab has keys of its own");
  return auth.privateKey;
}

describe.skipIf(noNamespaces)(`faults over SSH${noNamespaces ? ` (skipped: ${noNamespaces})` : ""}`, () => {
  const state = newStateDir();
  let lab: Lab;
  let host: SshHost;

  beforeAll(async () => {
    lab = await createVirtualLab({ stateDir: state.path, log: () => {}, kind: "netns" });
    host = await connectSsh(lab.hosts.a.ssh, { timeoutMs: 8000 });
  });
  afterAll(async () => {
    await host?.close();
    await lab?.dispose();
    state.remove();
  });

  const tables = async (): Promise<string[]> => {
    const { stdout } = await host.exec(["nft", "list", "tables"]);
    return stdout
      .split("\n")
      .filter((line) => line.includes("understudy_") && !line.includes("understudy_quiet"));
  };
  /** Shells that wait to take a table away, and what they sleep with: the time is one that nobody else uses. */
  const reverters = async (): Promise<string[]> => {
    const { stdout } = await host.exec(["ps", "-eo", "args"]);
    return stdout
      .split("\n")
      .filter((line) =>
        /nft delete table \$f "\$1"; done' sh |^sleep 61717$|sh understudy_\w+ 61717$/.test(line),
      );
  };
  /** True when a closed port of the other host answers, that is when packets go out and come back. */
  const knock = async (address: string, seconds: string): Promise<boolean> => {
    const script = 'timeout "$2" bash -c "echo > /dev/tcp/$1/9" 2>&1 | grep -q refused';
    return (await host.script(script, [address, seconds])).code === 0;
  };
  const reaches = (address: string): Promise<boolean> => knock(address, "10");
  const reachesNot = async (address: string): Promise<boolean> => !(await knock(address, "0.5"));
  const cut = { protectedAddress: "", revertAfterMs: 61_717_000 };

  test("a cut interface neither sends nor receives, the others do, and release leaves nothing", async () => {
    const { peer, a, b } = lab.hosts;
    expect(await reaches(peer.outside.address)).toBe(true);
    const lease = await cutInterface(host, a.outside.device, {
      ...cut,
      protectedAddress: a.management.address,
    });
    expect(await tables()).toEqual([`table inet ${lease.table}`, `table arp ${lease.table}`]);
    expect((await reverters()).length).toBeGreaterThan(1);
    expect(await reachesNot(peer.outside.address)).toBe(true);
    expect(await reaches(b.intra.address)).toBe(true);
    // From outside: what a peer sends during the cut never comes in, what it sends afterwards does.
    const other = await connectSsh(peer.ssh, { timeoutMs: 8000 });
    const ear = await host.spawn([
      "node",
      "-e",
      'const s = require("dgram").createSocket("udp4"); s.on("message", (m) => { console.log(String(m)); process.exit(); }); s.bind(7777, () => console.log("bound"))',
    ]);
    ear.stderr.resume();
    const lines = createInterface({ input: ear.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("bound");
    const answersArp = async (): Promise<boolean> => {
      const ask =
        'ip neigh flush to "$1"; exec 3<>"/dev/udp/$1/9"; echo >&3; sleep 0.3; ip neigh show to "$1"';
      const { stdout } = await other.script('exec bash -c "$1" bash "$2"', [ask, a.outside.address]);
      return stdout.includes("lladdr");
    };
    const say = (word: string): Promise<unknown> =>
      other.script('exec bash -c "echo $1 > /dev/udp/$2/7777"', [word, a.outside.address]);
    await say("during");
    expect(await answersArp()).toBe(false);
    await lease.release();
    expect(await answersArp()).toBe(true);
    await say("after");
    expect((await lines.next()).value).toBe("after");
    expect(await ear.exited).toMatchObject({ code: 0 });
    await other.close();
    expect(await reaches(peer.outside.address)).toBe(true);
    expect(await tables()).toEqual([]);
    expect(await reverters()).toEqual([]);
    await lease.release();
  });

  test("a cut that nobody heals goes by itself", async () => {
    const other = await connectSsh(lab.hosts.a.ssh, { timeoutMs: 8000 });
    await cutInterface(other, lab.hosts.a.outside.device, { ...cut, revertAfterMs: 1000 });
    expect(await tables()).toHaveLength(2);
    await other.close();
    await eventually(async () => (await tables()).length === 0, "the table went");
    expect(await reaches(lab.hosts.peer.outside.address)).toBe(true);
  });

  test("the management interface is never cut, whether it is named or only carries this connection", async () => {
    const { management } = lab.hosts.a;
    await expect(
      cutInterface(host, "mgmt0", { ...cut, protectedAddress: management.address }),
    ).rejects.toThrow(/carries the management network and is never cut/);
    await expect(cutInterface(host, "mgmt0", { ...cut, protectedAddress: "203.0.113.1" })).rejects.toThrow(
      /never cut/,
    );
    await expect(cutInterface(host, "eth9", cut)).rejects.toThrow(/has no interface eth9: correct its name/);
    expect(await tables()).toEqual([]);
    expect(await reverters()).toEqual([]);
  });

  test("rules that nft refuses leave neither table nor reverter", async () => {
    // Loopback is no device that carries SSH, and this rule set fails for want of the program.
    const { code } = await host.exec(["mount", "--bind", "/bin/false", "/usr/sbin/nft"]);
    expect(code).toBe(0);
    try {
      await expect(cutInterface(host, "lo", cut)).rejects.toThrow(
        /Firewall rules could not be set on host a/,
      );
      expect(await reverters()).toEqual([]);
    } finally {
      await host.exec(["umount", "/usr/sbin/nft"]);
    }
    expect(await tables()).toEqual([]);
  });

  test("a killed process dies at once; one that is gone already is an error", async () => {
    const program = await host.spawn(["sleep", "600"]);
    program.stdout.resume();
    program.stderr.resume();
    await signalProcess(host, program.pid, "KILL");
    expect(await program.exited).toEqual({ code: null, signal: "SIGKILL" });
    await expect(signalProcess(host, program.pid, "KILL")).rejects.toThrow(
      new RegExp(`Process ${program.pid} on host a .* could not be killed`),
    );
  });

  test("a frozen process stands still until it is woken, and ends when it is told to", async () => {
    const program = await host.spawn([
      "sh",
      "-c",
      "trap 'echo told; exit 0' TERM; while read -r line; do echo $line; done",
    ]);
    program.stderr.resume();
    const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
    const stateOf = async (): Promise<string> =>
      (await host.script("cut -d ' ' -f 3 /proc/$1/stat", [String(program.pid)])).stdout.trim();
    const before = await signalProcess(host, program.pid, "STOP");
    await eventually(async () => (await stateOf()) === "T", "it stands still");
    program.stdin.write("hello\n");
    expect(await stateOf()).toBe("T");
    expect(await signalProcess(host, program.pid, "CONT")).toBeGreaterThan(before);
    expect((await lines.next()).value).toBe("hello");
    await signalProcess(host, program.pid, "TERM");
    program.stdin.write("\n");
    expect((await lines.next()).value).toBe("told");
    expect(await program.exited).toEqual({ code: 0, signal: null });
  });

  test("one address is cut and nobody else, never on the management's device", async () => {
    const { a, b, peer } = lab.hosts;
    const lease = await cutAddress(host, a.outside.device, b.outside.address, {
      ...cut,
      protectedAddress: a.management.address,
    });
    expect(await reachesNot(b.outside.address)).toBe(true);
    expect(await reaches(peer.outside.address)).toBe(true);
    await lease.release();
    expect(await reaches(b.outside.address)).toBe(true);
    const refused = cutAddress(host, "mgmt0", b.management.address, {
      ...cut,
      protectedAddress: a.management.address,
    });
    await expect(refused).rejects.toThrow(/never cut/);
    expect(await tables()).toEqual([]);
  });

  test("the same machines as a testbed: cut, heal, and dispose heals what is left", async () => {
    const { a, b, peer } = lab.hosts;
    const keyFile = join(state.path, "key");
    const knownFile = join(state.path, "known");
    writeFileSync(keyFile, privateKeyOf(a.ssh.auth), { mode: 0o600 });
    writeFileSync(knownFile, [a, b, peer].map(({ ssh }) => ssh.hostKeys.knownHosts).join("\n"));
    const member = (each: typeof a): string =>
      `{ssh: {host: ${each.ssh.host}}, interfaces: {out: {dev: ${each.outside.device}, ip: ${each.outside.address}/24}, ic: {dev: ${each.intra.device}, ip: ${each.intra.address}/24}}}`;
    const result = parseTestbed(
      `version: 1
name: machines
defaults:
  ssh: {identityFile: ${keyFile}, knownHosts: ${knownFile}}
hosts:
  a: ${member(a)}
  b: ${member(b)}
  peer: {ssh: {host: ${peer.ssh.host}}, interfaces: {out: {dev: out0, ip: ${peer.outside.address}/24}}}
`,
      "machines.testbed.yaml",
    );
    if (!result.ok) throw new Error(JSON.stringify(result.errors));
    const machines = openTestbed(result.testbed, undefined);
    await machines.cut("a:outside");
    await machines.cut("a:outside");
    expect(await reachesNot(peer.outside.address)).toBe(true);
    await machines.heal("a:outside");
    await machines.heal("a:outside");
    expect(await reaches(peer.outside.address)).toBe(true);
    await machines.cut("a:outside");
    await machines.cut("cluster-link");
    expect(await tables()).toHaveLength(3);
    expect(await reachesNot(b.intra.address)).toBe(true);
    await machines.heal("cluster-link");
    expect(await reaches(b.intra.address)).toBe(true);
    expect(await tables()).toHaveLength(2);
    await machines.dispose();
    expect(await tables()).toEqual([]);
    await machines.dispose();
  });
});
