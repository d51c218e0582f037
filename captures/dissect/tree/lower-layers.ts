import type { DecodeNode } from "../summary.ts";
import type { FrameLayers, LinkLayer, NetworkLayer, UdpLayer } from "../layers.ts";
import { bytesNode, field, fieldNodes, node } from "./nodes.ts";
import type { FieldSpec } from "./nodes.ts";

const ethertype = (value: number): string | undefined =>
  ({ 0x0800: "IPv4", 0x86dd: "IPv6", 0x8100: "802.1Q", 0x88a8: "802.1ad", 0x0806: "ARP" })[value];

const LINKS: Readonly<Record<LinkLayer["kind"], { label: string; fields: readonly FieldSpec[] }>> = {
  ethernet: {
    label: "Ethernet II",
    fields: [
      field("Destination", 0, 6, "mac"),
      field("Source", 6, 6, "mac"),
      field("Type", 12, 2, "hex", ethertype),
    ],
  },
  cooked: {
    label: "Linux cooked capture v1",
    fields: [
      field("Packet type", 0, 2),
      field("Device type (ARPHRD)", 2, 2),
      field("Address length", 4, 2),
      field("Address", 6, 8, "bytes"),
      field("Protocol", 14, 2, "hex", ethertype),
    ],
  },
  cooked2: {
    label: "Linux cooked capture v2",
    fields: [
      field("Protocol", 0, 2, "hex", ethertype),
      field("Reserved", 2, 2),
      field("Interface index", 4, 4),
      field("Device type (ARPHRD)", 8, 2),
      field("Packet type", 10, 1),
      field("Address length", 11, 1),
      field("Address", 12, 8, "bytes"),
    ],
  },
  null: { label: "Null/Loopback", fields: [field("Address family", 0, 4, "bytes")] },
  raw: { label: "Raw IP", fields: [] },
};

/** Nodes of everything below SCTP that was recognized. */
export function lowerNodes(view: DataView, { link, network, udp }: FrameLayers): DecodeNode[] {
  const nodes: DecodeNode[] = [];
  if (link !== undefined && link.end > 0) nodes.push(linkNode(view, link));
  if (network !== undefined) nodes.push(networkNode(view, network));
  if (udp !== undefined) nodes.push(udpNode(view, udp));
  return nodes;
}

function linkNode(view: DataView, link: LinkLayer): DecodeNode {
  const { label, fields } = LINKS[link.kind];
  const vlans = link.vlans.map((at) => {
    const children = fieldNodes(view, at, at + 4, [
      field("Tag control information", 0, 2, "hex", (tci) => `priority ${tci >> 13}, VLAN ${tci & 0x0fff}`),
      field("Type", 2, 2, "hex", ethertype),
    ]);
    return node("802.1Q virtual LAN", at, at + 4, { value: String(view.getUint16(at) & 0x0fff), children });
  });
  const children = [...fieldNodes(view, 0, link.end, fields), ...vlans];
  return node(label, 0, link.end, { children });
}

const protocolName = (protocol: number): string | undefined =>
  ({ 1: "ICMP", 6: "TCP", 17: "UDP", 44: "fragment", 58: "ICMPv6", 132: "SCTP" })[protocol];

const IPV4_FIELDS: readonly FieldSpec[] = [
  field("Version and header length", 0, 1, "hex", (value) => `version 4, ${(value & 0x0f) * 4} bytes`),
  field("Differentiated services", 1, 1, "hex"),
  field("Total length", 2, 2),
  field("Identification", 4, 2, "hex"),
  field("Flags and fragment offset", 6, 2, "hex", fragmentMeaning),
  field("Time to live", 8, 1),
  field("Protocol", 9, 1, "number", protocolName),
  field("Header checksum", 10, 2, "hex"),
  field("Source address", 12, 4, "ipv4"),
  field("Destination address", 16, 4, "ipv4"),
];

const IPV6_FIELDS: readonly FieldSpec[] = [
  field("Version, traffic class, flow label", 0, 4, "hex"),
  field("Payload length", 4, 2),
  field("Next header", 6, 1, "number", protocolName),
  field("Hop limit", 7, 1),
  field("Source address", 8, 16, "ipv6"),
  field("Destination address", 24, 16, "ipv6"),
];

function fragmentMeaning(value: number): string | undefined {
  const parts = [
    ...((value & 0x4000) === 0 ? [] : ["don't fragment"]),
    ...((value & 0x2000) === 0 ? [] : ["more fragments"]),
    ...((value & 0x1fff) === 0 ? [] : [`offset ${(value & 0x1fff) * 8}`]),
  ];
  return parts.length === 0 ? undefined : parts.join(", ");
}

function networkNode(view: DataView, network: NetworkLayer): DecodeNode {
  const { version, start, payload } = network;
  const fixed = version === 4 ? IPV4_FIELDS : IPV6_FIELDS;
  const fixedEnd = start + (version === 4 ? 20 : 40);
  const children = [
    ...fieldNodes(view, start, payload, fixed),
    ...(version === 4 ? bytesNode("Options", view, fixedEnd, payload) : []),
    ...network.extensions.map(({ number, start: from, end }) =>
      node(`Extension header ${number}`, from, end, { value: `${end - from} bytes` }),
    ),
  ];
  const fragment = network.fragment === undefined ? [] : ["fragment of a datagram, not reassembled"];
  const cut = network.cut ? ["the datagram is longer than the bytes that were captured"] : [];
  const flaw = [...fragment, ...cut].join("; ");
  const value = `${network.source} → ${network.destination}`;
  const label = `Internet Protocol Version ${version}`;
  return node(label, start, payload, { value, ...(flaw === "" ? {} : { flaw }), children });
}

function udpNode(view: DataView, udp: UdpLayer): DecodeNode {
  const end = udp.start + 8;
  const children = fieldNodes(view, udp.start, end, [
    field("Source port", 0, 2),
    field("Destination port", 2, 2),
    field("Length", 4, 2),
    field("Checksum", 6, 2, "hex"),
  ]);
  const value = `${udp.sourcePort} → ${udp.destinationPort}`;
  const cut = udp.cut ? { flaw: "the datagram is longer than the bytes that are here" } : {};
  return node("User Datagram Protocol", udp.start, end, { value, ...cut, children });
}
