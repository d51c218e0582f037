import type { IcmpReport } from "../sctp/index.ts";

/** Of an entry of the kernel's error queue: who made it (`ee_origin`). */
const origins = { local: 1, icmp: 2, icmpV6: 3 } as const;

/**
 * What an ICMP message means for an association (RFC 792, RFC 4443); undefined where RFC 9260 section 10 ignores
 * it. Our own kernel speaks as well: it refuses what is larger than the MTU of the interface.
 */
export function icmpKind(origin: number, type: number, code: number): IcmpReport["kind"] | undefined {
  if (origin === origins.local) return "packet-too-big";
  if (origin === origins.icmp && type === 3) {
    if (code === 2) return "protocol-unreachable";
    if (code === 3) return "port-unreachable";
    return code === 4 ? "packet-too-big" : "unreachable";
  }
  if (origin !== origins.icmpV6) return undefined;
  if (type === 1) return code === 4 ? "port-unreachable" : "unreachable";
  if (type === 2) return "packet-too-big";
  // Parameter problem: unrecognized Next Header.
  return type === 4 && code === 1 ? "protocol-unreachable" : undefined;
}
