import { byteSource, padded } from "../../../agents/sctp/base/bytes.ts";
import type { ByteSource } from "../../../agents/sctp/base/bytes.ts";
import {
  chunkTypeName,
  describeCause,
  describeChunk,
  describeParameter,
  parseCauseAt,
  parseChunkAt,
  parseParameterAt,
  WireFlaw,
} from "../../../agents/sctp/wire/index.ts";
import type { DecodeNode, SctpSummary } from "../summary.ts";
import { causeLayout, chunkLayout, flagsMeaning, parameterLayout } from "./layouts.ts";
import type { ItemList, Layout } from "./layouts.ts";
import { bytesNode, field, fieldNodes, hex, node } from "./nodes.ts";

const COMMON_HEADER_BYTES = 12;

/** Parameters in causes in parameters ...: what lies deeper than this is shown as bytes. */
const MAX_DEPTH = 6;

/** The node of an SCTP packet that lies from `start` to `end` in the frame. */
export function sctpNode(frame: Uint8Array, start: number, end: number, summary: SctpSummary): DecodeNode {
  const { view } = byteSource(frame);
  const header = [
    ...fieldNodes(view, start, end, [
      field("Source port", 0, 2),
      field("Destination port", 2, 2),
      field("Verification tag", 4, 4, "hex"),
    ]),
    checksumNode(start, summary),
  ];
  // Cut at the packet's end, so that a length beyond it is seen; offsets stay those of the frame.
  const source = byteSource(frame.subarray(0, end));
  const chunks: DecodeNode[] = [];
  for (let at = start + COMMON_HEADER_BYTES; at < end;) {
    const place = chunkNodes(source, at, summary.chunks[chunks.length]?.malformed, 0);
    chunks.push(place.node);
    at = place.next;
  }
  const value = `${summary.sourcePort} → ${summary.destinationPort}, tag ${hex(summary.verificationTag, 8)}`;
  const cut = summary.truncated ? { flaw: "the packet is longer than the bytes that are here" } : {};
  return node("Stream Control Transmission Protocol", start, end, {
    value,
    ...cut,
    children: [...header, ...chunks],
  });
}

function checksumNode(start: number, summary: SctpSummary): DecodeNode {
  const at = start + 8;
  const text = hex(summary.checksum, 8);
  // Over a part of the packet the checksum says nothing.
  if (summary.truncated) return node("Checksum (CRC32c)", at, at + 4, { value: `${text} (not verified)` });
  if (summary.checksumGood) return node("Checksum (CRC32c)", at, at + 4, { value: `${text} (good)` });
  const flaw = "the checksum does not match the bytes of the packet";
  return node("Checksum (CRC32c)", at, at + 4, { value: `${text} (bad)`, flaw });
}

/** `knownFlaw` is what the summary says of this chunk; without one, the chunk's own flaw counts. */
function chunkNodes(
  source: ByteSource,
  start: number,
  knownFlaw: string | undefined,
  depth: number,
): { node: DecodeNode; next: number } {
  const { typeNumber, flags, parsed, end, next } = parseChunkAt(source.bytes, start);
  const name = chunkTypeName(typeNumber);
  const layout = chunkLayout(typeNumber);
  const children = [
    ...fieldNodes(source.view, start, end, [
      field("Type", 0, 1, "number", () => name),
      field("Flags", 1, 1, "hex", () => flagsMeaning(typeNumber, flags)),
      field("Length", 2, 2),
      ...layout.fields,
    ]),
    ...restNodes(source, start, end, layout, depth),
    ...bytesNode("Padding", source.view, end, next),
  ];
  const flaw = knownFlaw ?? (parsed instanceof WireFlaw ? parsed.reason : undefined);
  const line = parsed instanceof WireFlaw ? name : describeChunk(parsed);
  const value = line.slice(name.length).trim();
  const extras = { ...(value === "" ? {} : { value }), ...(flaw === undefined ? {} : { flaw }), children };
  return { node: node(`${name} chunk`, start, next, extras), next };
}

function restNodes(
  source: ByteSource,
  start: number,
  end: number,
  layout: Layout,
  depth: number,
): DecodeNode[] {
  const from = start + layout.restAt;
  if (from >= end) return [];
  const { rest } = layout;
  if (depth >= MAX_DEPTH) return bytesNode("Value", source.view, from, end);
  switch (rest.kind) {
    case "bytes":
      return bytesNode(rest.label, source.view, from, end);
    case "parameters":
      return tlvNodes(source, from, end, parameterNode, depth + 1);
    case "causes":
      return tlvNodes(source, from, end, causeNode, depth + 1);
    case "chunk":
      // A chunk that was sent back is cut at the end of the cause that holds it.
      return [chunkNodes(byteSource(source.bytes.subarray(0, end)), from, undefined, depth + 1).node];
    case "items":
      return itemNodes(source.view, start, from, end, rest.lists);
  }
}

function itemNodes(
  view: DataView,
  start: number,
  from: number,
  end: number,
  lists: readonly ItemList[],
): DecodeNode[] {
  const nodes: DecodeNode[] = [];
  let at = from;
  for (const list of lists) {
    const stated =
      list.countAt === undefined ? Number.POSITIVE_INFINITY : view.getUint16(start + list.countAt);
    const count = Math.min(stated, Math.floor((end - at) / list.bytes));
    for (let index = 0; index < count; index += 1) {
      nodes.push(itemNode(view, at, list));
      at += list.bytes;
    }
  }
  return [...nodes, ...bytesNode("Unexpected bytes", view, at, end)];
}

/** An item of one field is that field. */
function itemNode(view: DataView, at: number, list: ItemList): DecodeNode {
  const end = at + list.bytes;
  const children = fieldNodes(view, at, end, list.fields);
  const values = children.map(({ value }) => value ?? "");
  if (children.length === 1) return node(list.label, at, end, { value: values[0] ?? "" });
  return node(list.label, at, end, { value: values.join(" - "), children });
}

type TlvNode = (
  source: ByteSource,
  start: number,
  limit: number,
  depth: number,
) => { node: DecodeNode; end: number };

function tlvNodes(
  source: ByteSource,
  from: number,
  limit: number,
  one: TlvNode,
  depth: number,
): DecodeNode[] {
  const nodes: DecodeNode[] = [];
  for (let at = from; at < limit;) {
    const element = one(source, at, limit, depth);
    nodes.push(element.node);
    at = from + padded(element.end - from);
  }
  return nodes;
}

const TLV_FIELDS = [field("Type", 0, 2, "hex"), field("Length", 2, 2)];
const CAUSE_FIELDS = [field("Cause code", 0, 2), field("Cause length", 2, 2)];

const HEARTBEAT_INFO = 1;

const parameterNode: TlvNode = (source, start, limit, depth) => {
  const { typeNumber, end, parsed } = parseParameterAt(source.bytes, start, limit);
  const layout = parameterLayout(typeNumber);
  const children = [
    ...fieldNodes(source.view, start, end, [...TLV_FIELDS, ...layout.fields]),
    ...restNodes(source, start, end, layout, depth),
  ];
  if (parsed instanceof WireFlaw)
    return { node: node("Parameter", start, end, { flaw: parsed.reason, children }), end };
  const value =
    typeNumber === HEARTBEAT_INFO ? `Heartbeat Info (${end - start - 4} B)` : describeParameter(parsed);
  return { node: node("Parameter", start, end, { value, children }), end };
};

const causeNode: TlvNode = (source, start, limit, depth) => {
  const { typeNumber, end, parsed } = parseCauseAt(source.bytes, start, limit);
  const layout = causeLayout(typeNumber);
  const children = [
    ...fieldNodes(source.view, start, end, [...CAUSE_FIELDS, ...layout.fields]),
    ...restNodes(source, start, end, layout, depth),
  ];
  if (parsed instanceof WireFlaw)
    return { node: node("Error cause", start, end, { flaw: parsed.reason, children }), end };
  return { node: node("Error cause", start, end, { value: describeCause(parsed), children }), end };
};
