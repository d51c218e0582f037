import { randomInt } from "node:crypto";
import { networkInterfaces } from "node:os";
import { type Cut, type HostName, LabError, cutPlace } from "../hosts.ts";
import { cutAddressRuleset, keepQuietRuleset } from "../faults/index.ts";
import { type RunResult, run } from "./run.ts";

/** Host part of each computer's address, the same in every network. */
export const hostNumber: Readonly<Record<HostName, number>> = {
  a: 11,
  b: 12,
  peer: 20,
  peer2: 21,
  keeper: 13,
};

/** RFC 5737: documentation networks. They exist inside the namespaces only. */
export const outsideNet = "192.0.2";
const intraNet = "198.51.100";
/** Joins the members of the outside end, where that is a cluster. */
const peerNet = "203.0.113";

/** First three numbers of the network on which a member of either end talks to the other one. */
export const intraNetOf = (host: HostName): string => (host.startsWith("peer") ? peerNet : intraNet);

/** Computers that a lab has beside the three that each of them has. */
export interface ExtraHosts {
  readonly withKeeper?: boolean | undefined;
  /** The outside end is a cluster, too. */
  readonly withPeer2?: boolean | undefined;
}

export interface NetworkNames {
  readonly namespaces: {
    readonly a: string;
    readonly b: string;
    readonly peer: string;
    readonly peer2?: string;
    readonly keeper?: string;
    readonly net: string;
  };
  readonly link: string;
}

export function networkNames(id: string, { withKeeper, withPeer2 }: ExtraHosts): NetworkNames {
  const prefix = `us${id}`;
  return {
    namespaces: {
      a: `${prefix}-a`,
      b: `${prefix}-b`,
      peer: `${prefix}-peer`,
      ...(withPeer2 && { peer2: `${prefix}-peer2` }),
      ...(withKeeper && { keeper: `${prefix}-keeper` }),
      net: `${prefix}-net`,
    },
    link: `${prefix}m0`,
  };
}

export function namespaceOf(names: NetworkNames, host: HostName): string {
  const namespace = names.namespaces[host];
  if (namespace === undefined) throw new Error(`broken rule: this lab has a host ${host}`);
  return namespace;
}

async function must(what: string, result: Promise<RunResult>): Promise<string> {
  const { code, stdout, stderr } = await result;
  if (code === 0) return stdout;
  throw new LabError(`The lab's network could not be made (${what}): ${stderr.trim().split("\n")[0] ?? ""}.`);
}

async function ip(namespace: string | undefined, lines: readonly string[]): Promise<void> {
  const where = namespace === undefined ? [] : ["-n", namespace];
  await must(`ip ${where.join(" ")}`.trim(), run("ip", [...where, "-batch", "-"], `${lines.join("\n")}\n`));
}

/** This system does not let us make namespaces although it looked as if: another kind of lab may still do. */
export class NamespacesRefused extends LabError {}

/** Makes the namespaces. Rejects with NamespacesRefused. */
export async function makeNamespaces(names: NetworkNames): Promise<void> {
  const lines = Object.values(names.namespaces).map((name) => `netns add ${name}\n`);
  const { code, stderr } = await run("ip", ["-batch", "-"], lines.join(""));
  if (code === 0) return;
  const told = stderr.trim().split("\n")[0] ?? "";
  throw new NamespacesRefused(`This system makes no network namespaces (${told}): use the loopback lab.`);
}

/**
 * A /24 of 198.18.0.0/15 (RFC 2544) on which this machine has neither an address nor a route of its own.
 * Returns its first three numbers.
 */
async function freeManagementNet(): Promise<string> {
  const routes = await must("ip route", run("ip", ["-4", "route", "show", "table", "all"]));
  const addresses = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map((entry) => entry.address),
  );
  const taken = `${routes}\n${addresses.join("\n")}`;
  // The choice is random so that two labs that start at the same moment hardly ever meet.
  for (let attempt = 0; attempt < 200; attempt++) {
    const net = `198.${18 + randomInt(2)}.${randomInt(256)}`;
    if (!taken.includes(`${net}.`)) return net;
  }
  throw new LabError(
    "No free network was found in 198.18.0.0/15 for the lab's management: remove labs of other tools there.",
  );
}

/** One veth pair from a host to the switch: `device` in the host, `port` on the bridge. */
function cable(names: NetworkNames, host: HostName, device: string, port: string): string {
  return `link add ${device} netns ${namespaceOf(names, host)} type veth peer name ${port} netns ${names.namespaces.net}`;
}

/** Names of the devices inside each host. */
export const devices = { management: "mgmt0", outside: "out0", intra: "ic0" } as const;

interface Connection {
  readonly device: string;
  readonly bridge: string;
  readonly address: string;
}

function bridgeOf(host: HostName, network: "outside" | "intra"): string {
  if (network === "outside") return "out";
  return host.startsWith("peer") ? "pc" : "ic";
}

function networksOf(host: HostName, managementNet: string, peerIsCluster: boolean): Connection[] {
  const number = hostNumber[host];
  const networks: Connection[] = [
    { device: devices.management, bridge: "mgmt", address: `${managementNet}.${number}` },
  ];
  // The third computer of the cluster has no business on the outside network.
  if (host !== "keeper")
    networks.push({ device: devices.outside, bridge: "out", address: `${outsideNet}.${number}` });
  // Each end has an intra-cluster network of its own, and one computer has none.
  if (host !== "peer" || peerIsCluster)
    networks.push({
      device: devices.intra,
      bridge: bridgeOf(host, "intra"),
      address: `${intraNetOf(host)}.${number}`,
    });
  return networks;
}

/** Segmentation and checksums left to a device that does not exist would show as giant packets with bad checksums. */
async function switchOffOffloads(namespace: string, device: string): Promise<boolean> {
  const features = ["tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off"];
  const { code } = await run("ip", ["netns", "exec", namespace, "ethtool", "-K", device, ...features]);
  return code === 0;
}

export interface Network {
  /** First three numbers of the management network. */
  readonly managementNet: string;
  /** False: UDP checksums and segmentation in captures are those of the kernel's shortcuts. */
  readonly offloadsOff: boolean;
}

/** Lays cables between the namespaces: bridges in `net`, and one link to the desk's own namespace. */
export async function makeNetwork(names: NetworkNames): Promise<Network> {
  const { namespaces, link } = names;
  const managementNet = await freeManagementNet();
  const hosts = (Object.keys(hostNumber) as HostName[]).filter((name) => namespaces[name] !== undefined);
  const plan = hosts.flatMap((host) =>
    networksOf(host, managementNet, namespaces.peer2 !== undefined).map((network) => ({ host, ...network })),
  );
  await ip(undefined, [
    ...plan.map(({ host, device, bridge }) => cable(names, host, device, `${bridge}-${host}`)),
    `link add ${link} type veth peer name mgmt-desk netns ${namespaces.net}`,
  ]);
  const ports = [
    ...plan.map(({ host, bridge }) => [`${bridge}-${host}`, bridge] as const),
    ["mgmt-desk", "mgmt"] as const,
  ];
  // Without addrgenmode none each interface would send IPv6 neighbour and multicast packets of its own.
  await ip(namespaces.net, [
    ...["mgmt", "out", "ic", "pc"].flatMap((bridge) => [
      `link add br-${bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
      `link set br-${bridge} addrgenmode none`,
      `link set br-${bridge} up`,
    ]),
    ...ports.flatMap(([port, bridge]) => [
      `link set ${port} addrgenmode none`,
      `link set ${port} master br-${bridge}`,
      `link set ${port} up`,
    ]),
  ]);
  for (const host of hosts) {
    const own = plan.filter((entry) => entry.host === host);
    await ip(namespaceOf(names, host), [
      "link set lo up",
      ...own.flatMap(({ device, address }) => [
        `link set ${device} addrgenmode none`,
        `addr add ${address}/24 dev ${device}`,
        `link set ${device} up`,
      ]),
    ]);
  }
  await ip(undefined, [
    `link set ${link} addrgenmode none`,
    `addr add ${managementNet}.1/24 dev ${link}`,
    `link set ${link} up`,
  ]);
  const done = await Promise.all([
    ...plan.map(({ host, device }) => switchOffOffloads(namespaceOf(names, host), device)),
    ...ports.map(([port]) => switchOffOffloads(namespaces.net, port)),
  ]);
  return { managementNet, offloadsOff: done.every(Boolean) };
}

/** Keeps the kernel of a cluster host quiet about a UDP port whose agent has died. False where nftables is missing. */
export async function silenceUnreachables(namespace: string, udpPort: number): Promise<boolean> {
  const rules = keepQuietRuleset("understudy_quiet", devices.outside, udpPort);
  const { code } = await run("ip", ["netns", "exec", namespace, "nft", "-f", "-"], rules);
  return code === 0;
}

const linkTable = "understudy_link";

/**
 * Pulls or plugs a member's cable at the switch: the host itself only sees its carrier go. A cut of the link
 * between two members lets the first hear nothing of the other one, and that one nothing of it; others hear both.
 */
export async function setLink(names: NetworkNames, place: Cut, state: "up" | "down"): Promise<void> {
  const { host, network, from } = cutPlace(place);
  if (from === undefined) {
    await ip(names.namespaces.net, [`link set ${bridgeOf(host, network)}-${host} ${state}`]);
    return;
  }
  const cut = cutAddressRuleset(linkTable, devices.intra, `${intraNetOf(from)}.${hostNumber[from]}`);
  // A table that is added before it is deleted can be deleted whether it was there or not.
  const gone = `add table inet ${linkTable}\ndelete table inet ${linkTable}\n`;
  const nft = ["netns", "exec", namespaceOf(names, host), "nft", "-f", "-"];
  await must("nft", run("ip", nft, state === "down" ? `${gone}${cut}` : gone));
}
