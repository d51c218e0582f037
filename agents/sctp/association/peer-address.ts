import { parseIpv4, parseIpv6 } from "../base/bytes.ts";

const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1";

/** Means: the source address of the packet (RFC 5061 sections 4.1.1 and 4.2). */
export const isWildcard = (address: string): boolean => address === "0.0.0.0" || address === "::";

/** Whether an address can be that of a single host: no multicast, broadcast, or unspecified address. */
export function isUnicast(address: string): boolean {
  const first = parseIpv4(address)?.[0];
  // 0/8 is "this network"; from 224 on there are multicast, reserved addresses and broadcast.
  if (first !== undefined) return first > 0 && first < 224;
  const ipv6 = parseIpv6(address);
  return ipv6 !== undefined && ipv6[0] !== 0xff && ipv6.some((byte) => byte !== 0);
}

/**
 * Whether packets may be sent to an address that a peer lists in INIT or INIT ACK: unicast, not one of
 * ours, and loopback only where the peer itself came from there (RFC 9260 sections 5.1.2 and 8.4).
 */
export function isUsableAddress(address: string, source: string, localAddresses: readonly string[]): boolean {
  if (localAddresses.includes(address)) return false;
  if (isLoopback(address)) return isLoopback(source);
  if (!isUnicast(address)) return false;
  // IPv4 in the clothes of IPv6 (section 3.3.2.1.2).
  const ipv6 = parseIpv6(address);
  return ipv6 === undefined || ipv6.slice(0, 10).some((byte) => byte !== 0);
}
