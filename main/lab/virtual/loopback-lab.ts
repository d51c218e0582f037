import { randomInt } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { generateSshKeyPair } from "../../deploy/index.ts";
import { type ClusterHost, type HostName, LabError } from "../hosts.ts";
import { type LoopbackServer, startLoopbackServer } from "./loopback-server.ts";
import { hostNumber } from "./network.ts";
import type { Parts, PartsRequest } from "./parts.ts";
import { makeHosts } from "./parts.ts";

const limits: readonly string[] = [
  "The hosts are loopback addresses of this machine: an outside link cannot be cut, so the fault is the death of A's agent alone.",
  "The kernel lives on when A's agent dies and answers the peer with ICMP port unreachable, which the death of a machine would not.",
  "Capturing on the loopback interface needs root or the capture capability; without it there are no packets to look at.",
  "One kernel, one clock and no network between the hosts: gaps are those of the protocol's timers.",
];

function cannotCut(): Promise<never> {
  return Promise.reject(
    new LabError("No link can be cut in the loopback lab: run as root on Linux, or on real machines."),
  );
}

/** Three addresses of 127.0.0.0/8, or more, each with an SSH server inside this process. */
export async function makeLoopbackLab(request: PartsRequest): Promise<Parts> {
  if (process.platform === "win32") {
    throw new LabError(
      "The embedded lab needs a POSIX shell: use WSL, or real machines with a testbed file.",
    );
  }
  const { id, folder, extra, log } = request;
  const userKeys = generateSshKeyPair(`desk-${id}`);
  // Labs of several state folders may run at once: each draws addresses of its own.
  const [second, third] = [randomInt(64, 255), 1 + randomInt(250)];
  const servers: LoopbackServer[] = [];
  const makeHost = async (name: HostName): Promise<ClusterHost> => {
    const number = hostNumber[name];
    const address = `127.${second}.${third}.${number}`;
    const keys = generateSshKeyPair(`${id}-${name}`);
    const home = join(folder, name);
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const server = await startLoopbackServer({
      address,
      hostKey: keys.privateKey,
      userKey: userKeys.publicKey,
      home,
    });
    servers.push(server);
    return {
      name,
      ssh: {
        name,
        host: address,
        port: server.port,
        user: server.user,
        auth: { privateKey: userKeys.privateKey },
        hostKeys: { policy: "strict", knownHosts: `[${address}]:${server.port} ${keys.publicKey}` },
      },
      workdir: join(home, "work"),
      outside: { address: `127.${second}.${third + 1}.${number}`, device: "lo" },
      intra: { address: `127.${second}.${third + 2}.${number}`, device: "lo" },
      management: { address },
      sharesFiles: true,
    };
  };
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.close()));
  };
  try {
    const hosts = await makeHosts(makeHost, extra);
    log(`SSH servers on ${servers.map((server) => server.address).join(", ")}`);
    return { limits, hosts, cut: cannotCut, heal: () => Promise.resolve(), close };
  } catch (error) {
    await close();
    throw error;
  }
}
