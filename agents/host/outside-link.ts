import { BlockList } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";
import { networkInterfaces } from "node:os";
import type { LoadedNativeIo } from "./native-io.ts";
import { LinkWatch } from "./link-watch.ts";
import { linkAddressOf } from "./neighbour-frames.ts";

interface Device {
  readonly name: string;
  readonly info: NetworkInterfaceInfo;
}

export interface OutsideLink {
  readonly device: string;
  readonly watch: LinkWatch;
}

function deviceOf(address: string): Device | undefined {
  for (const [name, infos = []] of Object.entries(networkInterfaces())) {
    const info = infos.find((each) => each.address === address);
    if (info !== undefined) return { name, info };
  }
  return undefined;
}

function isOnSubnet(address: string, { cidr, family }: NetworkInterfaceInfo): boolean {
  const [network, prefix] = cidr?.split("/") ?? [];
  if (network === undefined || (family === "IPv6") !== address.includes(":")) return false;
  const subnet = new BlockList();
  const type = family === "IPv6" ? "ipv6" : "ipv4";
  subnet.addSubnet(network, Number(prefix), type);
  return subnet.check(address, type);
}

/**
 * The link on which both members have their outside addresses, ready to be asked who has the other one's. Throws one
 * sentence where there is none, or where this computer cannot send ARP and neighbour discovery.
 */
export function openOutsideLink(
  ownAddress: string,
  partnerAddress: string,
  native: LoadedNativeIo,
): OutsideLink {
  const advice = "leave address takeover away";
  const device = deviceOf(ownAddress);
  if (device === undefined || device.info.internal)
    throw new Error(`${ownAddress} is on no link with neighbours, only in this computer: ${advice}`);
  const { name, info } = device;
  if (!isOnSubnet(partnerAddress, info))
    throw new Error(
      `the other member's address ${partnerAddress} is not on the subnet of ${name} (${info.cidr}), so nobody there would send to us for it: ${advice}`,
    );
  if (!native.ok) throw new Error(`address takeover cannot be had: ${native.reason}`);
  const socket = native.io.linkOpen(name, info.family === "IPv6" ? 6 : 4);
  if (typeof socket === "number")
    throw new Error(
      `address takeover needs CAP_NET_RAW for ARP on ${name}: run the agent as root, or ${advice}`,
    );
  const watch = new LinkWatch(native.io, socket, partnerAddress, linkAddressOf(info.mac));
  return { device: name, watch };
}
