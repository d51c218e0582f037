import type { AssociationCore } from "./core.ts";
import { close } from "./abort.ts";
import type { Route } from "./outputs.ts";
import { packetTooBig } from "./path-mtu.ts";
import { countPathError } from "./time-outs.ts";

/** What ICMP or ICMPv6 said about a packet of ours (RFC 9260 section 10). */
export interface IcmpReport {
  readonly kind: "packet-too-big" | "port-unreachable" | "protocol-unreachable" | "unreachable";
  /** MTU of the next hop, IP header included, with `packet-too-big`. */
  readonly mtuBytes?: number | undefined;
  /** The beginning of the SCTP packet that it quotes: 8 bytes at least. */
  readonly quoted: Uint8Array;
  /** The way of the quoted packet: from our address to the peer's. */
  readonly route: Route;
}

/** Rules ICMP7 to ICMP9, after the verification tag of the quoted packet was found good. */
export function receiveIcmp(core: AssociationCore, report: IcmpReport, nowMs: number): void {
  const path = core.paths.get(report.route.remote);
  if (path === undefined) return;
  switch (report.kind) {
    case "packet-too-big":
      if (report.mtuBytes !== undefined) packetTooBig(core, path, report.mtuBytes, nowMs);
      return;
    case "protocol-unreachable": {
      // As an ABORT with the T bit (ICMP8): whoever quotes the tag has seen our packet.
      close(core);
      const reason = `ICMP from ${path.address}: the host does not speak SCTP`;
      core.notify({ type: "association-change", state: "comm-lost", reason, cause: "aborted-by-peer" });
      return;
    }
    case "unreachable":
      // One error for the path, no more (ICMP9). A route that is lost is reported once for each packet that waited for
      // the neighbour's address, which would end an association that goes on from another address of ours.
      if (path.errorCount === 0 && (path.flightBytes > 0 || path.heartbeat !== undefined))
        countPathError(core, path, nowMs);
      return;
    case "port-unreachable":
      return;
  }
}
