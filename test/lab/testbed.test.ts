import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { LabError } from "../../main/lab/hosts.ts";
import { formatTestbedError, openTestbed, parseTestbed, type Testbed } from "../../main/lab/testbed/index.ts";
import { newStateDir } from "./support/lab.ts";

const good = `version: 1
name: rack7
defaults:
  ssh: {user: lab, identityFile: ~/.ssh/id_ed25519, connectTimeout: 500ms}
  agent: {workdir: /var/tmp/understudy, udpPort: 9900, transport: raw}
hosts:
  a:
    ssh: {host: 10.0.0.11}
    interfaces:
      out: {dev: eth1, ip: 192.0.2.11/24}
      ic: {dev: eth2, ip: 10.77.0.1/24}
  b:
    ssh: {host: b.lab, port: 2222, user: root, hostKeys: accept-new}
    agent: {workdir: /srv/understudy}
    interfaces:
      out: {dev: eth1, ip: 192.0.2.12}
      ic: {dev: eth2, ip: 10.77.0.2/24}
  peer:
    ssh: {host: 10.0.0.13}
    interfaces:
      out: {dev: ens3.100, ip: 192.0.2.20/24}
`;

/** The errors of the good file with one text replaced by another, as printed lines. */
function errorsWith(from: string, to: string): string[] {
  expect(good).toContain(from);
  const result = parseTestbed(good.replace(from, to), "t.yaml");
  return result.ok ? [] : result.errors.map((error) => formatTestbedError(result.fileName, error));
}

function parsed(text = good): Testbed {
  const result = parseTestbed(text, "t.yaml");
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.testbed;
}

test("defaults are filled in, a host's own keys win", () => {
  const { hosts, ...rest } = parsed();
  expect(rest).toEqual({
    fileName: "t.yaml",
    name: "rack7",
    udpPort: 9900,
    scheduling: "real-time",
    transport: "raw",
    connectTimeoutMs: 500,
    replication: {},
    peerReplication: {},
  });
  expect(hosts).not.toHaveProperty("keeper");
  const sshDefaults = {
    port: 22,
    user: "lab",
    identityFile: "~/.ssh/id_ed25519",
    hostKeys: "strict",
    knownHosts: "~/.ssh/known_hosts",
  };
  expect(hosts.a).toEqual({
    name: "a",
    ssh: { ...sshDefaults, host: "10.0.0.11" },
    workdir: "/var/tmp/understudy",
    outside: { device: "eth1", address: "192.0.2.11" },
    intra: { device: "eth2", address: "10.77.0.1" },
  });
  expect(hosts.b.ssh).toEqual({
    ...sshDefaults,
    host: "b.lab",
    port: 2222,
    user: "root",
    hostKeys: "accept-new",
  });
  expect(hosts.b.workdir).toBe("/srv/understudy");
  expect(hosts.b.outside.address).toBe("192.0.2.12");
  expect(hosts.peer).not.toHaveProperty("intra");
});

const withPeer2 = `${good}      ic: {dev: eth3, ip: 10.78.0.1/24}
  peer2:
    ssh: {host: 10.0.0.15}
    interfaces:
      out: {dev: eth1, ip: 192.0.2.21/24}
      ic: {dev: eth2, ip: 10.78.0.2/24}
peerCluster:
  replication: {policy: "interval:50ms", fencing: keep-primary}
`;

test("the outside end may be a cluster that replicates in its own way", () => {
  const { hosts, replication, peerReplication } = parsed(withPeer2);
  expect(replication).toEqual({});
  expect(peerReplication).toEqual({ policy: "interval:50ms", fencing: "keep-primary" });
  expect(hosts.peer.intra).toEqual({ device: "eth3", address: "10.78.0.1" });
  expect(hosts.peer2).toMatchObject({ name: "peer2", outside: { address: "192.0.2.21" } });
  const noLink = withPeer2.replace("      ic: {dev: eth2, ip: 10.78.0.2/24}\n", "");
  const result = parseTestbed(noLink, "t.yaml");
  const told = result.ok ? [] : result.errors.map(({ message }) => message);
  expect(told).toEqual(['"hosts.peer2.interfaces.ic" is missing; add it']);
});

const withKeeper = `${good}  keeper:
    ssh: {host: 10.0.0.14}
    interfaces: {ic: {dev: eth2, ip: 10.77.0.3/24}}
cluster:
  replication: {policy: "interval:50ms", fencing: keep-primary, store: redis}
`;

test("a third computer sits on the intra-cluster network only, and the file may say how to replicate", () => {
  const { hosts, replication } = parsed(withKeeper);
  expect(hosts.keeper).toMatchObject({
    name: "keeper",
    workdir: "/var/tmp/understudy",
    intra: { device: "eth2", address: "10.77.0.3" },
  });
  expect(hosts.keeper).not.toHaveProperty("outside");
  expect(replication).toEqual({ policy: "interval:50ms", fencing: "keep-primary", store: "redis" });
});

test.each([
  ["interval:50ms", "interval:50", /^t\.yaml:26:25: "cluster\.replication\.policy": .*write interval:50ms/],
  ["keep-primary", "keep-secondary", /^t\.yaml:26:51: "cluster\.replication\.fencing"/],
  ["store: redis", "stroe: redis", /unknown key "stroe" in cluster\.replication; did you mean "store"\?/],
  ["10.77.0.3", "10.77.0.2", /10\.77\.0\.2 is also the address of b\.ic/],
  ["{ic: {dev: eth2, ip: 10.77.0.3/24}}", "{}", /"hosts\.keeper\.interfaces\.ic" is missing/],
])("%s written as %s is told with its place", (from, to, message) => {
  const result = parseTestbed(withKeeper.replace(from, to), "t.yaml");
  const lines = result.ok ? [] : result.errors.map((error) => formatTestbedError(result.fileName, error));
  expect(lines.join("\n")).toMatch(message);
});

describe("every mistake is told with its place and what to do", () => {
  test.each([
    [
      "an unknown key",
      "interfaces:\n      out: {dev: eth1, ip: 192.0.2.11/24}",
      "interfaces:\n      out: {dve: eth1, dev: eth1, ip: 192.0.2.11/24}",
      ['t.yaml:10:13: unknown key "dve" in hosts.a.interfaces.out; did you mean "dev"?'],
    ],
    [
      "an unknown key far from all",
      "name: rack7",
      "name: rack7\nbackground: blue",
      [
        't.yaml:3:1: unknown key "background" in the file; known here: version, name, defaults, cluster, peerCluster, hosts',
      ],
    ],
    [
      "a missing value",
      "{dev: ens3.100, ip: 192.0.2.20/24}",
      "{dev: ens3.100}",
      ['t.yaml:21:12: "hosts.peer.interfaces.out.ip" is missing; add it'],
    ],
    [
      "a missing host",
      "  peer:\n",
      "  pear:\n",
      [
        expect.stringMatching(/^t\.yaml:7:3: "hosts\.peer" is missing/),
        't.yaml:18:3: unknown key "pear" in hosts; did you mean "peer"?',
      ],
    ],
    [
      "no address",
      "192.0.2.20/24",
      "192.0.2.256",
      ['t.yaml:21:32: "hosts.peer.interfaces.out.ip": must be an IPv4 address, for example 192.0.2.11/24'],
    ],
    [
      "a prefix too long",
      "192.0.2.20/24",
      "192.0.2.20/33",
      [expect.stringContaining("must be an IPv4 address")],
    ],
    [
      "a device that would break out of a rule",
      "eth1",
      "'e\"; drop'",
      [expect.stringContaining("must be the name of a network interface")],
    ],
    [
      "a workdir that is not absolute",
      "/srv/understudy",
      "srv/x",
      [expect.stringContaining("must be an absolute folder")],
    ],
    ["a time without unit", "500ms", "500", [expect.stringMatching(/connectTimeout/)]],
    [
      "a port out of range",
      "2222",
      "70000",
      [expect.stringMatching(/^t\.yaml:13:\d+: "hosts\.b\.ssh\.port"/)],
    ],
    ["another version", "version: 1", "version: 2", [expect.stringMatching(/^t\.yaml:1:10: "version"/)]],
    [
      "two hosts with one address",
      "192.0.2.12",
      "192.0.2.11",
      ["t.yaml:16:28: 192.0.2.11 is also the address of a.out; give each its own"],
    ],
    [
      "a literal password",
      "user: lab",
      "user: lab, password: hunter2",
      [expect.stringMatching(/^t\.yaml:4:20: "password" would put a secret into this file/)],
    ],
    [
      "a private key in the file",
      "host: 10.0.0.13",
      'host: "-----BEGIN OPENSSH PRIVATE KEY-----"',
      [expect.stringContaining("would put a secret")],
    ],
    ["not YAML", "hosts:", "hosts: [", [expect.stringMatching(/not YAML/)]],
    [
      "a key twice",
      "name: rack7",
      "name: rack7\nname: rack8",
      [expect.stringMatching(/^t\.yaml:3:1: not YAML: .*unique/)],
    ],
  ])("%s", (_name, from, to, expected) => {
    const errors = errorsWith(from, to);
    for (const line of expected) expect(errors).toContainEqual(line);
  });

  test.each(["", "just text", "[]", "null"])("a file that is no mapping: %j", (text) => {
    const result = parseTestbed(text, "t.yaml");
    expect(result.ok).toBe(false);
  });

  test("a secret is never repeated in an error", () => {
    expect(errorsWith("user: lab", "user: lab, password: hunter2").join()).not.toContain("hunter2");
  });

  test("a huge file is refused unread", () => {
    const result = parseTestbed(`# ${"x".repeat(300_000)}`, "t.yaml");
    expect(result).toMatchObject({
      ok: false,
      errors: [{ line: 1, message: expect.stringContaining("at most 256 KiB") }],
    });
  });
});

test("the example that the documents name is a testbed file", () => {
  const path = resolve(import.meta.dirname, "../../examples/rack.testbed.yaml");
  const result = parseTestbed(readFileSync(path, "utf8"), path);
  expect(result).toMatchObject({
    ok: true,
    testbed: { name: "rack7", udpPort: 9899, transport: "udp", scheduling: "real-time" },
  });
  if (!result.ok) return;
  expect(result.testbed.hosts.keeper?.intra.device).toBe("eth2");
  expect(result.testbed.replication).toEqual({ policy: "every-update", fencing: "prefer-availability" });
});

describe("a testbed as a lab", () => {
  test("reads the key and known_hosts; a new host's key is added to the file", () => {
    const folder = newStateDir();
    const key = join(folder.path, "key");
    writeFileSync(key, "KEY");
    const known = join(folder.path, "ssh", "known_hosts");
    const text = good
      .replace("~/.ssh/id_ed25519", key)
      .replace("connectTimeout", `knownHosts: ${known}, connectTimeout`);
    const lab = openTestbed(parsed(text), undefined);
    expect(lab).toMatchObject({ id: "rack7", kind: "machines", udpPort: 9900 });
    expect(lab.hosts.a.ssh).toMatchObject({
      auth: { privateKey: "KEY" },
      hostKeys: { policy: "strict", knownHosts: "" },
    });
    const { hostKeys } = lab.hosts.b.ssh;
    if (hostKeys.policy !== "accept-new") throw new Error("not accept-new");
    hostKeys.remember("b.lab ssh-ed25519 AAAA");
    hostKeys.remember("c.lab ssh-ed25519 BBBB");
    expect(readFileSync(known, "utf8")).toBe("b.lab ssh-ed25519 AAAA\nc.lab ssh-ed25519 BBBB\n");
    folder.remove();
  });

  test("without a key it asks an ssh-agent; without either it says so", () => {
    const text = good.replace("identityFile: ~/.ssh/id_ed25519, ", "");
    expect(openTestbed(parsed(text), "/run/agent.sock").hosts.a.ssh.auth).toEqual({
      agent: "/run/agent.sock",
    });
    expect(() => openTestbed(parsed(text), undefined)).toThrow(
      /no key for host a: set identityFile in the testbed, or start an ssh-agent/,
    );
    const missing = good.replace("~/.ssh/id_ed25519", "/nowhere/key");
    expect(() => openTestbed(parsed(missing), undefined)).toThrow(LabError);
  });
});
