import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { HostKeyPolicy, SshAuth, SshTarget } from "../../deploy/index.ts";
import { type ClusterHost, type LabComputer, LabError, type LabHosts } from "../hosts.ts";
import { Machines } from "./machines.ts";
import type { Testbed, TestbedComputer, TestbedMember } from "./parse.ts";

function expand(path: string): string {
  return path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
}

function readKnownHosts(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return "";
    throw new LabError(`The known_hosts file ${path} cannot be read (${String(cause)}): correct its path.`, {
      cause,
    });
  }
}

function authOf(host: TestbedComputer, sshAuthSock: string | undefined): SshAuth {
  const { identityFile } = host.ssh;
  if (identityFile === undefined) {
    if (sshAuthSock !== undefined) return { agent: sshAuthSock };
    throw new LabError(
      `There is no key for host ${host.name}: set identityFile in the testbed, or start an ssh-agent.`,
    );
  }
  try {
    return { privateKey: readFileSync(expand(identityFile), "utf8") };
  } catch (cause) {
    const told = cause instanceof Error ? cause.message : String(cause);
    throw new LabError(`The identityFile of host ${host.name} cannot be read (${told}): correct its path.`, {
      cause,
    });
  }
}

function hostKeysOf(host: TestbedComputer): HostKeyPolicy {
  const path = expand(host.ssh.knownHosts);
  let knownHosts = readKnownHosts(path);
  if (host.ssh.hostKeys === "strict") return { policy: "strict", knownHosts };
  return {
    policy: "accept-new",
    /** A run connects more than once: a key that was new the first time is known from then on. */
    get knownHosts() {
      return knownHosts;
    },
    remember(line) {
      knownHosts += `${line}\n`;
      try {
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
        appendFileSync(path, `${line}\n`, { mode: 0o600 });
      } catch (cause) {
        throw new LabError(
          `The new host key of host ${host.name} cannot be added to ${path} (${String(cause)}): correct its path or permissions.`,
          { cause },
        );
      }
    },
  };
}

function labComputer(host: TestbedComputer, sshAuthSock: string | undefined): LabComputer {
  const ssh: SshTarget = {
    name: host.name,
    host: host.ssh.host,
    port: host.ssh.port,
    user: host.ssh.user,
    auth: authOf(host, sshAuthSock),
    hostKeys: hostKeysOf(host),
  };
  const management = { address: host.ssh.host };
  return {
    name: host.name,
    ssh,
    workdir: host.workdir,
    management,
    sharesFiles: false,
  };
}

/**
 * Real machines as a lab. Reads keys and known_hosts; nothing is connected before `prepare`.
 * @throws LabError when a key or known_hosts cannot be read
 */
export function openTestbed(
  testbed: Testbed,
  sshAuthSock: string | undefined = process.env["SSH_AUTH_SOCK"],
): Machines {
  const clusterHost = (host: TestbedMember): ClusterHost => ({
    ...labComputer(host, sshAuthSock),
    outside: host.outside,
    intra: host.intra,
  });
  const { a, b, peer, peer2, keeper } = testbed.hosts;
  const hosts: LabHosts = {
    a: clusterHost(a),
    b: clusterHost(b),
    peer: {
      ...labComputer(peer, sshAuthSock),
      outside: peer.outside,
      ...(peer.intra && { intra: peer.intra }),
    },
    ...(peer2 && { peer2: clusterHost(peer2) }),
    ...(keeper && { keeper: { ...labComputer(keeper, sshAuthSock), intra: keeper.intra } }),
  };
  return new Machines(testbed, hosts);
}
