import type { IcmpReport, NumberedUpdate, Route, Tsn, TsnLease } from "../sctp/index.ts";
import { tsn, unreachable } from "../sctp/index.ts";
import { ByteReader, ByteWriter, EncodingFlaw } from "./encoding.ts";
import { decodeUpdate } from "./update-codec.ts";

/** An update of one association, with its bytes as they are recorded. */
export interface ReplicatedUpdate extends NumberedUpdate {
  readonly association: number;
  readonly bytes: Uint8Array;
}

/** Version of the frames; the first frame on a link names it. */
export const linkVersion = 4 as const;

/** What the sender of a frame is in its cluster. */
export type LinkRole = "primary" | "standby" | "keeper";

/**
 * What the computers of a cluster say to each other. Every frame names the sender's fencing epoch.
 * *Holder* is who holds the replicated state: the standby, or a keeper that is a store.
 */
export type ClusterFrame =
  /** First on a new link, both ways. */
  | { readonly kind: "hello"; readonly epoch: number; readonly version: number; readonly role: LinkRole }
  /**
   * Says that the sender lives. The primary's names the instant of sending by its own clock, `stampMs`; standby
   * and keeper send it back at once, and that is the primary's leave to go on sending. They name an instant of
   * their own clock beside it, `mirrorMs`, which the primary's next beat sends back: so they know how old its
   * word is at most.
   */
  | { readonly kind: "beat"; readonly epoch: number; readonly stampMs?: number; readonly mirrorMs?: number }
  /** Primary to holder: updates in the order in which they were made. */
  | { readonly kind: "updates"; readonly epoch: number; readonly updates: readonly ReplicatedUpdate[] }
  /** Holder to primary: everything up to `sequence` is held. */
  | { readonly kind: "held"; readonly epoch: number; readonly association: number; readonly sequence: number }
  /**
   * A whole state, as the bytes of an `opened` update whose state is one number behind: it takes the
   * place of what the receiver holds of the association.
   */
  | {
      readonly kind: "state";
      readonly epoch: number;
      readonly association: number;
      readonly bytes: Uint8Array;
    }
  /** Primary to holder: TSNs that may be used without the holder's knowing what they carry. */
  | { readonly kind: "lease"; readonly epoch: number; readonly association: number; readonly lease: TsnLease }
  /** Holder to primary: it knows of the lease up to this TSN. */
  | {
      readonly kind: "leaseHeld";
      readonly epoch: number;
      readonly association: number;
      readonly limitTsn: Tsn;
    }
  /** Primary to holder, and back once it is known: whether more may have left than what is held tells. */
  | { readonly kind: "policy"; readonly epoch: number; readonly excuses: boolean }
  /**
   * Primary to holder and keeper: all is held; from now on it is current and may be gone on from. At the end of a full
   * synchronisation it names all associations that there are: others have ended.
   */
  | { readonly kind: "synced"; readonly epoch: number; readonly associations?: readonly number[] }
  /** Primary to partner or keeper: I go on alone; what is held is not current any more. `number` counts these words. */
  | { readonly kind: "solo"; readonly epoch: number; readonly number: number }
  /** The answer to the word of that number: nobody goes on from what is held until the next `synced`. */
  | { readonly kind: "soloGranted"; readonly epoch: number; readonly number: number }
  /** Standby to keeper: let me be primary under `epoch`, one more than the last. */
  | { readonly kind: "claim"; readonly epoch: number }
  /** Keeper to the claimant, after all that it holds: the claimant is primary under `epoch`. */
  | { readonly kind: "claimed"; readonly epoch: number }
  /** Keeper to the claimant: not now; 0: not at all as long as the primary is there. */
  | { readonly kind: "claimDenied"; readonly epoch: number; readonly retryAfterMs: number }
  /** Primary to standby, when all is held: the receiver is primary under `epoch` from now on. */
  | { readonly kind: "handover"; readonly epoch: number }
  /** To a sender of an older epoch: somebody is primary under `epoch`. */
  | { readonly kind: "fenced"; readonly epoch: number }
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
  "state",
  "lease",
  "leaseHeld",
  "synced",
  "solo",
  "soloGranted",
  "claim",
  "claimed",
  "claimDenied",
  "handover",
  "fenced",
  "policy",
];

const linkRoles: readonly LinkRole[] = ["primary", "standby", "keeper"];

const icmpKinds: readonly IcmpReport["kind"][] = [
  "packet-too-big",
  "port-unreachable",
  "protocol-unreachable",
  "unreachable",
];

/** What a frame takes beside the bytes that it carries. */
const frameOverheadBytes = 128;
const updateOverheadBytes = 12;

/** What a frame is likely to take at most. */
export function expectedFrameBytes(frame: ClusterFrame): number {
  switch (frame.kind) {
    case "updates":
      return frame.updates.reduce(
        (sum, { bytes }) => sum + bytes.length + updateOverheadBytes,
        frameOverheadBytes,
      );
    case "state":
      return frame.bytes.length + frameOverheadBytes;
    case "inbound":
    case "outbound":
      return frame.packet.length + frameOverheadBytes;
    default:
      return frameOverheadBytes;
  }
}

/** Whether a standby never says this. */
export function isOfPrimary(frame: ClusterFrame): boolean {
  if (frame.kind === "hello") return frame.role === "primary";
  return !["fenced", "inbound", "icmp", "held", "leaseHeld", "soloGranted"].includes(frame.kind);
}

export function encodeFrame(frame: ClusterFrame): Uint8Array {
  const writer = new ByteWriter(expectedFrameBytes(frame));
  writeFrame(writer, frame);
  return writer.finish();
}

export function writeFrame(writer: ByteWriter, frame: ClusterFrame): void {
  writer.u8(kinds.indexOf(frame.kind)).u32(frame.epoch);
  switch (frame.kind) {
    case "hello":
      writer.u16(frame.version).u8(linkRoles.indexOf(frame.role));
      break;
    case "updates":
      writer.list(frame.updates, (each) => {
        writer.u32(each.association).u32(each.sequence).bytes(each.bytes);
      });
      break;
    case "held":
      writer.u32(frame.association).u32(frame.sequence);
      break;
    case "state":
      writer.u32(frame.association).bytes(frame.bytes);
      break;
    case "lease":
      writer.u32(frame.association);
      writeTsnLease(writer, frame.lease);
      break;
    case "leaseHeld":
      writer.u32(frame.association).u32(frame.limitTsn);
      break;
    case "policy":
      writer.u8(Number(frame.excuses));
      break;
    case "synced":
      writer.u8(Number(frame.associations !== undefined));
      writer.list(frame.associations ?? [], (each) => writer.u32(each));
      break;
    case "solo":
    case "soloGranted":
      writer.u32(frame.number);
      break;
    case "claimDenied":
      writer.f64(frame.retryAfterMs);
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
      writer.f64(frame.stampMs ?? Number.NaN).f64(frame.mirrorMs ?? Number.NaN);
      break;
    case "leaving":
    case "claim":
    case "claimed":
    case "handover":
    case "fenced":
      break;
    default:
      unreachable(frame);
  }
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
      return { kind, epoch, version: reader.u16(), role: reader.oneOf(linkRoles) };
    case "updates":
      return { kind, epoch, updates: reader.list(() => readUpdate(reader)) };
    case "held":
      return { kind, epoch, association: reader.u32(), sequence: reader.u32() };
    case "state":
      return { kind, epoch, association: reader.u32(), bytes: reader.bytes() };
    case "lease":
      return { kind, epoch, association: reader.u32(), lease: readTsnLease(reader) };
    case "leaseHeld":
      return { kind, epoch, association: reader.u32(), limitTsn: tsn(reader.u32()) };
    case "policy":
      return { kind, epoch, excuses: reader.u8() === 1 };
    case "synced":
      return readSynced(reader, epoch);
    case "solo":
    case "soloGranted":
      return { kind, epoch, number: reader.u32() };
    case "claimDenied":
      return { kind, epoch, retryAfterMs: reader.f64() };
    case "inbound": {
      const [route, packet] = [readRoute(reader), reader.bytes()];
      return { kind, epoch, route, packet, congestionExperienced: reader.u8() === 1 };
    }
    case "outbound":
      return { kind, epoch, route: readRoute(reader), packet: reader.bytes() };
    case "icmp":
      return { kind, epoch, report: readReport(reader) };
    case "beat": {
      const [stampMs, mirrorMs] = [reader.f64(), reader.f64()];
      const stamp = Number.isNaN(stampMs) ? {} : { stampMs };
      return { kind, epoch, ...stamp, ...(Number.isNaN(mirrorMs) ? {} : { mirrorMs }) };
    }
    case "leaving":
    case "claim":
    case "claimed":
    case "handover":
    case "fenced":
      return { kind, epoch };
    default:
      return unreachable(kind);
  }
}

function readSynced(reader: ByteReader, epoch: number): ClusterFrame {
  const namesAll = reader.u8() === 1;
  const associations = reader.list(() => reader.u32());
  return { kind: "synced", epoch, ...(namesAll && { associations }) };
}

function writeTsnLease(writer: ByteWriter, { ackedTsn, nextTsn, limitTsn, streams }: TsnLease): void {
  writer.u32(ackedTsn).u32(nextTsn).u32(limitTsn);
  writer.list(streams, ({ streamId, nextSsn, nextUnorderedMid }) => {
    writer.u16(streamId).u32(nextSsn).u32(nextUnorderedMid);
  });
}

function readTsnLease(reader: ByteReader): TsnLease {
  return {
    ackedTsn: tsn(reader.u32()),
    nextTsn: tsn(reader.u32()),
    limitTsn: tsn(reader.u32()),
    streams: reader.list(() => ({
      streamId: reader.u16(),
      nextSsn: reader.u32(),
      nextUnorderedMid: reader.u32(),
    })),
  };
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
  const bytes = reader.view();
  const update = decodeUpdate(bytes);
  if (update === undefined) throw new EncodingFlaw("not an update");
  return { association, sequence, update, bytes };
}
