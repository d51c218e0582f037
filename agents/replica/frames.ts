import type { IcmpReport, NumberedUpdate, Route } from "../sctp/index.ts";
import { unreachable } from "../sctp/index.ts";
import { ByteReader, ByteWriter, EncodingFlaw } from "./encoding.ts";
import { decodeUpdate, encodeUpdate } from "./update-codec.ts";

/** An update of one association, with its bytes as they are recorded. */
export interface ReplicatedUpdate extends NumberedUpdate {
  readonly association: number;
  readonly bytes: Uint8Array;
}

/** What the two computers of a cluster say to each other. Every frame names the sender's fencing epoch. */
export type ClusterFrame =
  /** First on a new link, both ways. */
  | { readonly kind: "hello"; readonly epoch: number; readonly primary: boolean }
  /**
   * Says that the sender lives. The primary's names the instant of sending by its own clock; the
   * secondary sends it back at once, and that is the primary's leave to go on sending.
   */
  | { readonly kind: "beat"; readonly epoch: number; readonly stampMs?: number }
  /** Primary to secondary: all updates of one turn. */
  | { readonly kind: "updates"; readonly epoch: number; readonly updates: readonly ReplicatedUpdate[] }
  /** Secondary to primary: everything up to `sequence` is held. */
  | { readonly kind: "held"; readonly epoch: number; readonly association: number; readonly sequence: number }
  /** Secondary to primary: a packet that came to the secondary's address. */
  | {
      readonly kind: "inbound";
      readonly epoch: number;
      readonly route: Route;
      readonly packet: Uint8Array;
      /** A router on the way marked it (RFC 3168, CE). */
      readonly congestionExperienced: boolean;
    }
  /** Secondary to primary: what ICMP said about a packet from the secondary's address. */
  | { readonly kind: "icmp"; readonly epoch: number; readonly report: IcmpReport }
  /** Primary to secondary: a packet to be sent from the secondary's address. */
  | { readonly kind: "outbound"; readonly epoch: number; readonly route: Route; readonly packet: Uint8Array }
  /** The sender stops on purpose: nobody needs to take over. */
  | { readonly kind: "leaving"; readonly epoch: number };

const kinds: readonly ClusterFrame["kind"][] = [
  "hello",
  "beat",
  "updates",
  "held",
  "inbound",
  "outbound",
  "leaving",
  "icmp",
];

const icmpKinds: readonly IcmpReport["kind"][] = [
  "packet-too-big",
  "port-unreachable",
  "protocol-unreachable",
  "unreachable",
];

export function encodeFrame(frame: ClusterFrame): Uint8Array {
  const writer = new ByteWriter().u8(kinds.indexOf(frame.kind)).u32(frame.epoch);
  switch (frame.kind) {
    case "hello":
      writer.u8(Number(frame.primary));
      break;
    case "updates":
      writer.list(frame.updates, (each) => {
        writer.u32(each.association).u32(each.sequence).bytes(each.bytes);
      });
      break;
    case "held":
      writer.u32(frame.association).u32(frame.sequence);
      break;
    case "inbound":
      writeRoute(writer, frame.route);
      writer.bytes(frame.packet).u8(Number(frame.congestionExperienced));
      break;
    case "outbound":
      writeRoute(writer, frame.route);
      writer.bytes(frame.packet);
      break;
    case "icmp":
      writeRoute(writer, frame.report.route);
      writer.u8(icmpKinds.indexOf(frame.report.kind)).bytes(frame.report.quoted);
      writer.u32(frame.report.mtuBytes ?? 0);
      break;
    case "beat":
      writer.f64(frame.stampMs ?? Number.NaN);
      break;
    case "leaving":
      break;
    default:
      unreachable(frame);
  }
  return writer.finish();
}

/** The frame, or undefined when the bytes are not one. */
export function decodeFrame(bytes: Uint8Array): ClusterFrame | undefined {
  try {
    const reader = new ByteReader(bytes);
    const frame = readFrame(reader);
    reader.end();
    return frame;
  } catch (flaw) {
    if (flaw instanceof EncodingFlaw) return undefined;
    throw flaw;
  }
}

function readFrame(reader: ByteReader): ClusterFrame {
  const kind = reader.oneOf(kinds);
  const epoch = reader.u32();
  switch (kind) {
    case "hello":
      return { kind, epoch, primary: reader.u8() === 1 };
    case "updates":
      return { kind, epoch, updates: reader.list(() => readUpdate(reader)) };
    case "held":
      return { kind, epoch, association: reader.u32(), sequence: reader.u32() };
    case "inbound": {
      const [route, packet] = [readRoute(reader), reader.bytes()];
      return { kind, epoch, route, packet, congestionExperienced: reader.u8() === 1 };
    }
    case "outbound":
      return { kind, epoch, route: readRoute(reader), packet: reader.bytes() };
    case "icmp":
      return { kind, epoch, report: readReport(reader) };
    case "beat": {
      const stampMs = reader.f64();
      return Number.isNaN(stampMs) ? { kind, epoch } : { kind, epoch, stampMs };
    }
    case "leaving":
      return { kind, epoch };
    default:
      return unreachable(kind);
  }
}

/** No UDP port of the peer is written as 0. */
function writeRoute(writer: ByteWriter, { local, remote, remotePort }: Route): void {
  writer
    .text(local)
    .text(remote)
    .u16(remotePort ?? 0);
}

function readRoute(reader: ByteReader): Route {
  const [local, remote, remotePort] = [reader.text(), reader.text(), reader.u16()];
  return remotePort === 0 ? { local, remote } : { local, remote, remotePort };
}

function readReport(reader: ByteReader): IcmpReport {
  const report = { route: readRoute(reader), kind: reader.oneOf(icmpKinds), quoted: reader.bytes() };
  const mtuBytes = reader.u32();
  return mtuBytes === 0 ? report : { ...report, mtuBytes };
}

function readUpdate(reader: ByteReader): ReplicatedUpdate {
  const association = reader.u32();
  const sequence = reader.u32();
  const bytes = reader.bytes();
  const update = decodeUpdate(bytes);
  if (update === undefined) throw new EncodingFlaw("not an update");
  return { association, sequence, update, bytes };
}

/** An update made here, ready for the link and the record. */
export const replicate = (association: number, made: NumberedUpdate): ReplicatedUpdate => ({
  ...made,
  association,
  bytes: encodeUpdate(made.update),
});
