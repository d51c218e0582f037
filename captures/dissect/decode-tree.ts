import { byteSource } from "../../agents/sctp/base/bytes.ts";
import { summarizeSctp } from "./dissect-frame.ts";
import type { DissectOptions, FrameLayers } from "./layers.ts";
import type { DecodeNode } from "./summary.ts";
import { lowerNodes } from "./tree/lower-layers.ts";
import { bytesNode, node } from "./tree/nodes.ts";
import { sctpNode } from "./tree/sctp-tree.ts";
import { walkFrame } from "./walk-frame.ts";

/**
 * Everything in a frame as a tree with byte ranges: link, IP, UDP, SCTP with its chunks, parameters,
 * causes and payloads, and what is wrong with them. Link types as for `dissectFrame`. Never throws.
 */
export function decodeTree(bytes: Uint8Array, linkType: number, options: DissectOptions = {}): DecodeNode[] {
  const layers = walkFrame(byteSource(bytes), linkType, options);
  const { view } = byteSource(bytes);
  const nodes = lowerNodes(view, layers);
  const summary = summarizeSctp(bytes, layers);
  if (layers.sctp !== undefined && summary !== undefined) {
    nodes.push(sctpNode(bytes, layers.sctp.start, layers.sctp.end, summary));
    return [...nodes, ...bytesNode("Trailer", view, layers.sctp.end, bytes.length)];
  }
  const start = endOfLayers(layers);
  const flaw = layers.reason ?? "no SCTP packet was found";
  return [...nodes, node("Not SCTP", start, bytes.length, { value: flaw, flaw })];
}

function endOfLayers({ link, network, udp }: FrameLayers): number {
  if (udp !== undefined) return udp.start + 8;
  return network?.payload ?? link?.end ?? 0;
}
