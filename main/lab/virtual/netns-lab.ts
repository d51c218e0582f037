import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateSshKeyPair } from "../../deploy/index.ts";
import type { ClusterHost, HostName } from "../hosts.ts";
import {
  devices,
  hostNumber,
  intraNetOf,
  makeNamespaces,
  makeNetwork,
  namespaceOf,
  networkNames,
  outsideNet,
  setLink,
  silenceUnreachables,
} from "./network.ts";
import type { Parts, PartsRequest } from "./parts.ts";
import { makeHosts } from "./parts.ts";
import { missingPrograms, startSshd } from "./sshd.ts";

/** Why there can be no lab of network namespaces here; undefined where there can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== "linux") return "network namespaces exist on Linux only";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  // capabilities(7): CAP_NET_ADMIN is bit 12, CAP_SYS_ADMIN bit 21; a container's root often lacks both.
  const wanted = (1n << 12n) | (1n << 21n);
  if ((BigInt(`0x${effective}`) & wanted) !== wanted)
    return "this root may not make network namespaces (a container without CAP_SYS_ADMIN and CAP_NET_ADMIN)";
  const missing = missingPrograms("ip", "sshd");
  if (missing.length > 0) return `${missing.join(" and ")} are not installed (iproute2, openssh-server)`;
  return undefined;
}

const everyLabsLimits: readonly string[] = [
  "All hosts share one kernel and one clock: nothing here shows what clocks that differ, other kernels or real network cards do.",
  "Links between namespaces neither lose nor delay: gaps are those of the protocol's timers, not of a network.",
];

/** The namespaces must have been announced in the manifest before. */
export async function makeNetnsLab(request: PartsRequest): Promise<Parts> {
  const { id, folder, udpPort, extra, log } = request;
  const names = networkNames(id, extra);
  await makeNamespaces(names);
  const { managementNet, offloadsOff } = await makeNetwork(names);
  const { net: _switch, ...ofHosts } = names.namespaces;
  log(`namespaces ${Object.values(ofHosts).join(", ")} on ${managementNet}.0/24`);
  const { a: ofA, b: ofB, peer: ofPeer, peer2: ofPeer2 } = names.namespaces;
  const members = [ofA, ofB, ...(ofPeer2 === undefined ? [] : [ofPeer, ofPeer2])];
  const isQuiet = (await Promise.all(members.map((name) => silenceUnreachables(name, udpPort)))).every(
    Boolean,
  );

  const userKeys = generateSshKeyPair(`desk-${id}`);
  const authorizedKeysFile = join(folder, "authorized_keys");
  writeFileSync(authorizedKeysFile, `${userKeys.publicKey}\n`);
  const makeHost = async (name: HostName): Promise<ClusterHost> => {
    const namespace = namespaceOf(names, name);
    const address = `${managementNet}.${hostNumber[name]}`;
    const hostFolder = join(folder, name);
    const { hostKey } = await startSshd({ namespace, address, folder: hostFolder, authorizedKeysFile });
    return {
      name,
      namespace,
      ssh: {
        name,
        host: address,
        port: 22,
        user: "root",
        auth: { privateKey: userKeys.privateKey },
        hostKeys: { policy: "strict", knownHosts: `${address} ${hostKey}` },
      },
      workdir: join(hostFolder, "work"),
      outside: { address: `${outsideNet}.${hostNumber[name]}`, device: devices.outside },
      intra: { address: `${intraNetOf(name)}.${hostNumber[name]}`, device: devices.intra },
      management: { address },
      sharesFiles: true,
    };
  };
  const hosts = await makeHosts(makeHost, extra);
  log("SSH servers are listening");
  return {
    limits: [
      ...everyLabsLimits,
      ...(offloadsOff
        ? []
        : ["ethtool is missing or refused: UDP checksums in captures may look wrong (install ethtool)."]),
      ...(isQuiet
        ? []
        : [
            "nftables is missing: the kernel of a host whose agent died tells the peer so by ICMP (install nftables).",
          ]),
    ],
    hosts,
    cut: (place) => setLink(names, place, "down"),
    heal: (place) => setLink(names, place, "up"),
    close: () => Promise.resolve(),
  };
}
