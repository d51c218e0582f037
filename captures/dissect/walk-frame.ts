import type { ByteSource } from "../../agents/sctp/base/bytes.ts";
import type { DissectOptions, FrameLayers, NetworkLayer, UdpLayer } from "./layers.ts";
import { readLink } from "./link-layer.ts";
import { readIpv4, readIpv6 } from "./network-layer.ts";

const PROTOCOL_UDP = 17;
const PROTOCOL_SCTP = 132;
const COMMON_HEADER_BYTES = 12;
/** The port that RFC 6951 registers. */
const DEFAULT_UDP_PORTS: readonly number[] = [9899];

/** Goes down the layers of a frame to SCTP, or as far as it gets. */
export function walkFrame(source: ByteSource, linkType: number, options: DissectOptions): FrameLayers {
  const link = readLink(source, linkType);
  if (typeof link === "string") return { reason: link };
  if (link.network === undefined)
    return { link, ...(link.reason === undefined ? {} : { reason: link.reason }) };
  const network = link.network === 4 ? readIpv4(source, link.end) : readIpv6(source, link.end);
  if (typeof network === "string") return { link, reason: network };
  if (network.fragment !== undefined) {
    const { offset, more } = network.fragment;
    const place = more ? "more follow" : "the last one";
    return {
      link,
      network,
      reason: `a fragment of an IP datagram (offset ${offset}, ${place}), not reassembled`,
    };
  }
  const { protocol, payload, end, cut } = network;
  if (protocol === PROTOCOL_SCTP) return { link, network, ...sctpIn(payload, end, cut) };
  if (protocol !== PROTOCOL_UDP) return { link, network, reason: `IP protocol ${protocol}, not SCTP` };
  const udp = readUdp(source, network);
  if (typeof udp === "string") return { link, network, reason: udp };
  const ports = options.udpPorts ?? DEFAULT_UDP_PORTS;
  if (ports.includes(udp.sourcePort) || ports.includes(udp.destinationPort)) {
    return { link, network, udp, ...sctpIn(udp.start + 8, udp.end, udp.cut) };
  }
  const reason = `UDP from port ${udp.sourcePort} to ${udp.destinationPort}: neither is a port that carries SCTP`;
  return { link, network, udp, reason };
}

function readUdp({ view }: ByteSource, network: NetworkLayer): UdpLayer | string {
  const start = network.payload;
  const captured = network.end - start;
  if (captured < 8) return `${captured} bytes are fewer than a UDP header of 8 bytes`;
  const stated = view.getUint16(start + 4) || captured;
  if (stated < 8) return `the UDP length ${stated} is less than its header`;
  return {
    start,
    end: start + Math.min(stated, captured),
    cut: stated > captured,
    sourcePort: view.getUint16(start),
    destinationPort: view.getUint16(start + 2),
  };
}

function sctpIn(start: number, end: number, cut: boolean): Pick<FrameLayers, "sctp" | "reason"> {
  if (end - start >= COMMON_HEADER_BYTES) return { sctp: { start, end, cut } };
  return { reason: `${end - start} bytes are fewer than the SCTP common header of 12 bytes` };
}
