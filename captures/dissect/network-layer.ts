import { ipv4Text, ipv6Text } from "../../agents/sctp/base/bytes.ts";
import type { ByteSource } from "../../agents/sctp/base/bytes.ts";
import type { ExtensionHeader, NetworkLayer } from "./layers.ts";

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;
const MOBILITY = 135;

/** RFC 8200 has six kinds, most of which may come once; hostile frames chain more. */
const MAX_EXTENSIONS = 16;

/** Reads an IPv4 header (RFC 791) at `start`; a string says what is wrong. */
export function readIpv4({ view }: ByteSource, start: number): NetworkLayer | string {
  const captured = view.byteLength - start;
  if (captured < 20) return `${captured} bytes are fewer than an IPv4 header of 20 bytes`;
  const version = view.getUint8(start) >> 4;
  if (version !== 4) return `the IPv4 header says version ${version}`;
  const headerBytes = (view.getUint8(start) & 0x0f) * 4;
  if (headerBytes < 20) return `the IPv4 header says a length of ${headerBytes} bytes`;
  if (headerBytes > captured) return `the IPv4 header of ${headerBytes} bytes is cut off`;
  // 0: a sending machine left the length to its network card (segmentation offload).
  const stated = view.getUint16(start + 2) || captured;
  if (stated < headerBytes) return `the IPv4 total length ${stated} is less than its header`;
  const fragmentField = view.getUint16(start + 6);
  const offset = (fragmentField & 0x1fff) * 8;
  const more = (fragmentField & 0x2000) !== 0;
  return {
    version: 4,
    start,
    payload: start + headerBytes,
    end: start + Math.min(stated, captured),
    cut: stated > captured,
    extensions: [],
    protocol: view.getUint8(start + 9),
    source: ipv4Text(view, start + 12),
    destination: ipv4Text(view, start + 16),
    ...(offset > 0 || more ? { fragment: { offset, more } } : {}),
  };
}

/** Reads an IPv6 header and its extension headers (RFC 8200) at `start`; a string says what is wrong. */
export function readIpv6({ view }: ByteSource, start: number): NetworkLayer | string {
  const captured = view.byteLength - start;
  if (captured < 40) return `${captured} bytes are fewer than an IPv6 header of 40 bytes`;
  const version = view.getUint8(start) >> 4;
  if (version !== 6) return `the IPv6 header says version ${version}`;
  // 0: a jumbogram, or segmentation offload as with IPv4.
  const stated = view.getUint16(start + 4) + 40;
  const end = start + (stated === 40 ? captured : Math.min(stated, captured));
  const chain = readExtensions(view, start + 40, end, view.getUint8(start + 6));
  if (typeof chain === "string") return chain;
  return {
    version: 6,
    start,
    end,
    cut: stated > captured,
    ...chain,
    source: ipv6Text(view, start + 8),
    destination: ipv6Text(view, start + 24),
  };
}

type Chain = Pick<NetworkLayer, "extensions" | "payload" | "protocol" | "fragment">;

function readExtensions(view: DataView, start: number, end: number, first: number): Chain | string {
  const extensions: ExtensionHeader[] = [];
  let at = start;
  let next = first;
  let fragment: NetworkLayer["fragment"];
  while (extensions.length < MAX_EXTENSIONS) {
    const unit = extensionUnit(next);
    if (unit === undefined) break;
    if (at + 8 > end) return `IPv6 extension header ${next} is cut off`;
    const length = next === FRAGMENT ? 8 : unit.first + view.getUint8(at + 1) * unit.each;
    if (at + length > end) return `IPv6 extension header ${next} of ${length} bytes is cut off`;
    if (next === FRAGMENT) {
      const field = view.getUint16(at + 2);
      const offset = field & 0xfff8;
      const more = (field & 1) !== 0;
      // RFC 6946: a fragment header on a whole datagram changes nothing.
      if (offset > 0 || more) fragment = { offset, more };
    }
    extensions.push({ number: next, start: at, end: at + length });
    next = view.getUint8(at);
    at += length;
    // What follows a later fragment's header is data from the middle of the datagram.
    if (fragment !== undefined && fragment.offset > 0) break;
  }
  return { extensions, payload: at, protocol: next, ...(fragment === undefined ? {} : { fragment }) };
}

/** How long an extension header is: `first` bytes and `each` for every step of its length field. */
function extensionUnit(number: number): { first: number; each: number } | undefined {
  switch (number) {
    case HOP_BY_HOP:
    case ROUTING:
    case FRAGMENT:
    case DESTINATION_OPTIONS:
    case MOBILITY:
      return { first: 8, each: 8 };
    case AUTHENTICATION:
      return { first: 8, each: 4 };
    default:
      return undefined;
  }
}
