import { addressBytes } from "../sctp/index.ts";

/** A link-layer address, six bytes. */
export type LinkAddress = Uint8Array;

/** What follows the Ethernet header, and where it goes. */
export interface NeighbourFrame {
  readonly to: LinkAddress;
  readonly bytes: Uint8Array;
}

const everybody: LinkAddress = new Uint8Array(6).fill(0xff);
/** RFC 2464 section 7: 33:33 and the last four bytes of the group, here ff02::1. */
const allNodes: LinkAddress = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);

const isIpv6 = (address: string): boolean => address.includes(":");
const equal = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, index) => byte === right[index]);
const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

export const linkAddressText = (address: LinkAddress): string =>
  Array.from(address, (byte) => byte.toString(16).padStart(2, "0")).join(":");

export const linkAddressOf = (text: string): LinkAddress =>
  Uint8Array.from(text.split(":"), (byte) => Number.parseInt(byte, 16));

/** RFC 826: Ethernet, IPv4, request; what a probe and an announcement have in common. */
const arpHead: readonly number[] = [0, 1, 8, 0, 6, 4, 0, 1];
const arpBytes = 28;
const arpSenderAt = 8;
const arpSenderAddressAt = 14;
const arpTargetAddressAt = 24;

function arpRequest(sender: LinkAddress, senderAddress: Uint8Array, target: Uint8Array): NeighbourFrame {
  const bytes = new Uint8Array(arpBytes);
  bytes.set(arpHead);
  bytes.set(sender, arpSenderAt);
  bytes.set(senderAddress, arpSenderAddressAt);
  bytes.set(target, arpTargetAddressAt);
  return { to: everybody, bytes };
}

/**
 * Asks whether anybody has an address, without a word of our own that others would keep: an ARP probe (RFC 5227 section
 * 2.1.1), or a neighbour solicitation from the unspecified address (RFC 4862 section 5.4.2).
 */
export function probeFrame(address: string, own: LinkAddress): NeighbourFrame {
  if (!isIpv6(address)) return arpRequest(own, new Uint8Array(4), addressBytes(address, 4));
  const target = addressBytes(address, 16);
  const lastThree = target.subarray(13);
  // RFC 4291 section 2.7.1: the solicited-node group.
  const group = Uint8Array.of(0xff, 2, ...new Array<number>(9).fill(0), 1, 0xff, ...lastThree);
  const body = Uint8Array.of(solicitation, 0, 0, 0, 0, 0, 0, 0, ...target);
  return {
    to: Uint8Array.of(0x33, 0x33, 0xff, ...lastThree),
    bytes: icmpv6(new Uint8Array(16), group, body),
  };
}

/**
 * Tells everybody that `owner` has the address: an ARP announcement (RFC 5227 section 2.3), or an unsolicited neighbour
 * advertisement with the Override flag (RFC 4861 section 7.2.6).
 */
export function announcementFrame(address: string, owner: LinkAddress): NeighbourFrame {
  if (!isIpv6(address)) {
    const bytes = addressBytes(address, 4);
    return arpRequest(owner, bytes, bytes);
  }
  const target = addressBytes(address, 16);
  const group = addressBytes("ff02::1", 16);
  const body = Uint8Array.of(advertisement, 0, 0, 0, override, 0, 0, 0, ...target, 2, 1, ...owner);
  return { to: allNodes, bytes: icmpv6(target, group, body) };
}

/** Types of RFC 4861 section 4, and the flag of section 4.4. */
const solicitation = 135;
const advertisement = 136;
const override = 0x20;
const ipv6Bytes = 40;
const icmpProtocol = 58;

/** With the hop limit that shows that no router was between (RFC 4861 section 7.1). */
function icmpv6(source: Uint8Array, destination: Uint8Array, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(ipv6Bytes + body.length);
  bytes.set([0x60, 0, 0, 0, 0, body.length, icmpProtocol, 255]);
  bytes.set(source, 8);
  bytes.set(destination, 24);
  bytes.set(body, ipv6Bytes);
  // RFC 4443 section 2.3: over a pseudo header of addresses, length and protocol, and the message.
  let sum = body.length + icmpProtocol;
  for (let at = 8; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  new DataView(bytes.buffer).setUint16(ipv6Bytes + 2, ~sum & 0xffff);
  return bytes;
}

/**
 * Who says in a frame, by its link-layer address, that it has `address` or is about to (RFC 5227 sections 2.1.1 and 2.4,
 * RFC 4862 section 5.4); undefined: nobody but ourselves.
 */
export function claimantIn(
  bytes: Uint8Array,
  from: LinkAddress,
  address: string,
  own: LinkAddress,
): LinkAddress | undefined {
  const claimant = isIpv6(address)
    ? claimantByNeighbourDiscovery(bytes, from, addressBytes(address, 16))
    : claimantByArp(bytes, addressBytes(address, 4));
  return claimant === undefined || equal(claimant, own) ? undefined : claimant;
}

function claimantByArp(bytes: Uint8Array, address: Uint8Array): LinkAddress | undefined {
  if (bytes.length < arpBytes || !equal(bytes.subarray(0, 6), Uint8Array.from(arpHead.slice(0, 6))))
    return undefined;
  const senderAddress = bytes.subarray(arpSenderAddressAt, arpSenderAddressAt + 4);
  const target = bytes.subarray(arpTargetAddressAt, arpTargetAddressAt + 4);
  const claims = equal(senderAddress, address) || (isZero(senderAddress) && equal(target, address));
  return claims ? bytes.slice(arpSenderAt, arpSenderAt + 6) : undefined;
}

function claimantByNeighbourDiscovery(
  bytes: Uint8Array,
  from: LinkAddress,
  address: Uint8Array,
): LinkAddress | undefined {
  const type = bytes[ipv6Bytes];
  if (bytes.length < ipv6Bytes + 24 || !equal(bytes.subarray(ipv6Bytes + 8, ipv6Bytes + 24), address))
    return undefined;
  const claims = type === advertisement || (type === solicitation && isZero(bytes.subarray(8, 24)));
  return claims ? from : undefined;
}
