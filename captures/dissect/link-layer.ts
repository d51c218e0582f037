import type { ByteSource } from "../../agents/sctp/base/bytes.ts";
import type { LinkKind, LinkLayer } from "./layers.ts";

/** Numbers of https://www.tcpdump.org/linktypes.html. */
const ETHERNET = 1;
const NULL = 0;
const RAW_OF_LIBPCAP = 12;
const RAW = 101;
const COOKED = 113;
const IPV4 = 228;
const IPV6 = 229;
const COOKED_2 = 276;

const VLAN_TYPES: readonly number[] = [0x8100, 0x88a8, 0x9100];
/** More tags than this are no network that anyone runs. */
const MAX_VLANS = 8;

/** Address families of IPv6: Linux 10; NetBSD and OpenBSD 24; FreeBSD 28; macOS 30. */
const AF_INET = 2;
const AF_INET6: readonly number[] = [10, 24, 28, 30];

/** Reads the link layer; a string says why that is not possible. */
export function readLink(source: ByteSource, linkType: number): LinkLayer | string {
  switch (linkType) {
    case ETHERNET:
      return readTyped(source, "ethernet", 12, 14);
    case COOKED:
      return readTyped(source, "cooked", 14, 16);
    case COOKED_2:
      return readTyped(source, "cooked2", 0, 20);
    case NULL:
      return readNull(source);
    case RAW:
    case RAW_OF_LIBPCAP:
      return readRaw(source);
    case IPV4:
      return { kind: "raw", end: 0, vlans: [], network: 4 };
    case IPV6:
      return { kind: "raw", end: 0, vlans: [], network: 6 };
    default:
      return `link type ${linkType} is not supported`;
  }
}

/** A header of `length` bytes with an ethertype at `typeAt`, and VLAN tags behind it. */
function readTyped({ view }: ByteSource, kind: LinkKind, typeAt: number, length: number): LinkLayer | string {
  if (view.byteLength < length)
    return `${view.byteLength} bytes are fewer than a link header of ${length} bytes`;
  let type = view.getUint16(typeAt);
  let end = length;
  const vlans: number[] = [];
  while (VLAN_TYPES.includes(type) && vlans.length < MAX_VLANS && end + 4 <= view.byteLength) {
    vlans.push(end);
    type = view.getUint16(end + 2);
    end += 4;
  }
  const network = networkOf(type);
  if (network !== undefined) return { kind, end, vlans, network };
  const name =
    type < 1536 && kind === "ethernet"
      ? "an IEEE 802.3 length"
      : `type 0x${type.toString(16).padStart(4, "0")}`;
  return { kind, end, vlans, reason: `the link layer carries ${name}, not IP` };
}

function networkOf(ethertype: number): 4 | 6 | undefined {
  if (ethertype === 0x0800) return 4;
  return ethertype === 0x86dd ? 6 : undefined;
}

function readNull({ view }: ByteSource): LinkLayer | string {
  if (view.byteLength < 4) return `${view.byteLength} bytes are fewer than a link header of 4 bytes`;
  // The family is in the byte order of the machine that captured; families are small numbers.
  const family = Math.min(view.getUint32(0, true), view.getUint32(0, false));
  const link = { kind: "null", end: 4, vlans: [] } as const;
  if (family === AF_INET) return { ...link, network: 4 };
  if (AF_INET6.includes(family)) return { ...link, network: 6 };
  return { ...link, reason: `the link layer carries address family ${family}, not IP` };
}

function readRaw({ view }: ByteSource): LinkLayer | string {
  if (view.byteLength === 0) return "the frame is empty";
  const version = view.getUint8(0) >> 4;
  const link = { kind: "raw", end: 0, vlans: [] } as const;
  if (version === 4 || version === 6) return { ...link, network: version };
  return { ...link, reason: `the frame begins with IP version ${version}` };
}
