import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import {
  type HostKeyPolicy,
  type SshAuth,
  type SshHost,
  type SshTarget,
  connectSsh,
} from "../../deploy/index.ts";
import { type Lease, cutInterface } from "../faults/index.ts";
import { type ClusterHost, type HostName, type Lab, LabError, type LabHost } from "../hosts.ts";
import type { Testbed, TestbedHost } from "./parse.ts";

/** A cut that the desk never heals goes by itself after this time. */
const revertAfterMs = 300_000;

const limits: readonly string[] = [
  "The machines have clocks of their own: figures across hosts are as good as the clocks' agreement, which the run records.",
];

function expand(path: string): string {
  return path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}

function authOf(host: TestbedHost, sshAuthSock: string | undefined): SshAuth {
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

function hostKeysOf(host: TestbedHost): HostKeyPolicy {
  const path = expand(host.ssh.knownHosts);
  const knownHosts = readIfThere(path);
  if (host.ssh.hostKeys === "strict") return { policy: "strict", knownHosts };
  return {
    policy: "accept-new",
    knownHosts,
    remember(line) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      appendFileSync(path, `${line}\n`, { mode: 0o600 });
    },
  };
}

function labHost(host: TestbedHost, sshAuthSock: string | undefined): LabHost {
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
    outside: host.outside,
    management,
    sharesFiles: false,
  };
}

/**
 * Real machines as a lab. Reads keys and known_hosts, and connects only when something is to be cut.
 * @throws LabError when a key cannot be read
 */
export function openTestbed(
  testbed: Testbed,
  sshAuthSock: string | undefined = process.env["SSH_AUTH_SOCK"],
): Lab {
  const clusterHost = (name: "a" | "b"): ClusterHost => ({
    ...labHost(testbed.hosts[name], sshAuthSock),
    intra: testbed.hosts[name].intra,
  });
  const hosts = { a: clusterHost("a"), b: clusterHost("b"), peer: labHost(testbed.hosts.peer, sshAuthSock) };
  const cuts = new Map<HostName, { readonly lease: Lease; readonly connection: SshHost }>();

  const healOutside = async (name: HostName): Promise<void> => {
    const cut = cuts.get(name);
    if (!cut) return;
    cuts.delete(name);
    try {
      await cut.lease.release();
    } finally {
      await cut.connection.close();
    }
  };
  return {
    id: testbed.name,
    kind: "machines",
    limits,
    udpPort: testbed.udpPort,
    hosts,
    async cutOutside(name) {
      if (cuts.has(name)) return;
      const host: LabHost = hosts[name];
      const connection = await connectSsh(host.ssh, { timeoutMs: testbed.connectTimeoutMs });
      try {
        const protectedAddress = host.management.address;
        const lease = await cutInterface(connection, host.outside.device, {
          protectedAddress,
          revertAfterMs,
        });
        cuts.set(name, { lease, connection });
      } catch (error) {
        await connection.close();
        throw error;
      }
    },
    healOutside,
    async dispose() {
      const healed = await Promise.allSettled([...cuts.keys()].map(healOutside));
      const failed = healed.find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
    },
  };
}
