import type { AssociationUpdate } from "../sctp/index.ts";
import { tsn, unreachable } from "../sctp/index.ts";
import { ByteReader, ByteWriter, EncodingFlaw } from "./encoding.ts";
import { readAsconf, writeAsconf } from "./asconf-codec.ts";
import { phases } from "./phases.ts";
import { readReconfiguration, writeReconfiguration } from "./reconfiguration-codec.ts";
import { readPassedTsns, readTerms, writePassedTsns, writeTerms } from "./send-codec.ts";
import { readReceiveUpdate, writeReceiveUpdate } from "./receive-update-codec.ts";
import { readState, writeState } from "./state-codec.ts";

const kinds = [
  "opened",
  "phaseEntered",
  "messageQueued",
  "tsnAssigned",
  "cumAcked",
  "dataReceived",
  "dataDelivered",
  "dataDiscarded",
  "delivered",
  "dataSkipped",
  "streamAdvanced",
  "streamsReset",
  "tsnReset",
  "addressConfirmed",
  "primaryChanged",
  "userStateSaved",
  "messageDiscarded",
  "abandoned",
  "encapsulationPortLearned",
  "reconfigurationChanged",
  "streamCountsChanged",
  "outboundStreamsReset",
  "outboundTsnReset",
  "keyActivated",
  "asconfChanged",
  "peerAddressesChanged",
  "localAddressesChanged",
  "partialReliabilityDenied",
  "tsnsPassed",
  "receiveBehind",
  "resynchronised",
  "flowAdopted",
] as const satisfies readonly AssociationUpdate["kind"][];

/** What an update takes beside its payload; those with lists grow beyond it. */
const updateOverheadBytes = 64;

function payloadBytes(update: AssociationUpdate): number {
  if (update.kind === "messageQueued") return update.payload.length;
  return update.kind === "dataReceived" || update.kind === "dataDelivered" ? update.chunk.payload.length : 0;
}

/** What an update is likely to take at most. */
export const expectedUpdateBytes = (update: AssociationUpdate): number =>
  payloadBytes(update) + updateOverheadBytes;

/** An update as it goes over the cluster link and into the record. */
export function encodeUpdate(
  update: AssociationUpdate,
  writer: ByteWriter = new ByteWriter(expectedUpdateBytes(update)),
): Uint8Array {
  writer.u8(kinds.indexOf(update.kind));
  switch (update.kind) {
    case "opened":
      writeState(writer, update.state);
      break;
    case "phaseEntered":
      writer.u8(phases.indexOf(update.phase));
      break;
    case "messageQueued":
      writer.u16(update.streamId).u32(update.ppid);
      writer.u8(Number(update.unordered) | (Number(update.immediate) << 1)).bytes(update.payload);
      writeTerms(writer, update.terms);
      break;
    case "tsnAssigned":
      writer.u32(update.tsn).u16(update.streamId).u32(update.lengthBytes);
      break;
    case "cumAcked":
      writer.u32(update.tsn);
      break;
    case "dataReceived":
    case "dataDelivered":
    case "dataDiscarded":
    case "delivered":
    case "dataSkipped":
    case "streamAdvanced":
    case "streamsReset":
    case "tsnReset":
    case "receiveBehind":
    case "resynchronised":
    case "flowAdopted":
      writeReceiveUpdate(writer, update);
      break;
    case "addressConfirmed":
    case "primaryChanged":
      writer.text(update.address);
      break;
    case "messageDiscarded":
      writer.u16(update.streamId);
      break;
    case "abandoned":
      writer.list(update.tsns, (each) => writer.u32(each));
      break;
    case "encapsulationPortLearned":
      writer.text(update.address).u16(update.port);
      break;
    case "reconfigurationChanged":
      writeReconfiguration(writer, update.reconfiguration);
      break;
    case "streamCountsChanged":
      writer.u32(update.inbound).u32(update.outbound);
      break;
    case "outboundStreamsReset":
      writer.list(update.streamIds, (each) => writer.u16(each));
      break;
    case "outboundTsnReset":
      writer.u32(update.nextTsn);
      break;
    case "tsnsPassed":
      writePassedTsns(writer, update);
      break;
    case "asconfChanged":
      writeAsconf(writer, update.asconf);
      break;
    case "peerAddressesChanged":
    case "localAddressesChanged":
      writer.list(update.addresses, (address) => writer.text(address));
      break;
    case "keyActivated":
      writer.u16(update.keyId);
      break;
    case "partialReliabilityDenied":
      break;
    case "userStateSaved":
      writer.bytes(update.userState);
      break;
    default:
      unreachable(update);
  }
  return writer.finish();
}

/** The update, or undefined when the bytes are not one. The payload of a message or chunk lies in these bytes. */
export function decodeUpdate(bytes: Uint8Array): AssociationUpdate | undefined {
  try {
    const reader = new ByteReader(bytes);
    const update = readUpdate(reader);
    reader.end();
    return update;
  } catch (flaw) {
    if (flaw instanceof EncodingFlaw) return undefined;
    throw flaw;
  }
}

function readUpdate(reader: ByteReader): AssociationUpdate {
  const kind = reader.oneOf(kinds);
  switch (kind) {
    case "opened":
      return { kind, state: readState(reader) };
    case "phaseEntered":
      return { kind, phase: reader.oneOf(phases) };
    case "messageQueued":
      return readMessageQueued(reader);
    case "tsnAssigned":
      return { kind, tsn: tsn(reader.u32()), streamId: reader.u16(), lengthBytes: reader.u32() };
    case "messageDiscarded":
      return { kind, streamId: reader.u16() };
    case "abandoned":
      return { kind, tsns: reader.list(() => tsn(reader.u32())) };
    case "encapsulationPortLearned":
      return { kind, address: reader.text(), port: reader.u16() };
    case "cumAcked":
      return { kind, tsn: tsn(reader.u32()) };
    case "dataReceived":
    case "dataDelivered":
    case "dataDiscarded":
    case "delivered":
    case "dataSkipped":
    case "streamAdvanced":
    case "streamsReset":
    case "tsnReset":
    case "receiveBehind":
    case "resynchronised":
    case "flowAdopted":
      return readReceiveUpdate(reader, kind);
    case "addressConfirmed":
    case "primaryChanged":
      return { kind, address: reader.text() };
    case "reconfigurationChanged":
      return { kind, reconfiguration: readReconfiguration(reader) };
    case "streamCountsChanged":
      return { kind, inbound: reader.u32(), outbound: reader.u32() };
    case "outboundStreamsReset":
      return { kind, streamIds: reader.list(() => reader.u16()) };
    case "outboundTsnReset":
      return { kind, nextTsn: tsn(reader.u32()) };
    case "tsnsPassed":
      return { kind, ...readPassedTsns(reader) };
    case "asconfChanged":
      return { kind, asconf: readAsconf(reader) };
    case "peerAddressesChanged":
    case "localAddressesChanged":
      return { kind, addresses: reader.list(() => reader.text()) };
    case "keyActivated":
      return { kind, keyId: reader.u16() };
    case "partialReliabilityDenied":
      return { kind };
    case "userStateSaved":
      return { kind, userState: reader.bytes() };
    default:
      return unreachable(kind);
  }
}

function readMessageQueued(reader: ByteReader): AssociationUpdate {
  const streamId = reader.u16();
  const ppid = reader.u32();
  const flags = reader.u8();
  const payload = reader.view();
  return {
    kind: "messageQueued",
    streamId,
    ppid,
    unordered: (flags & 1) !== 0,
    immediate: (flags & 2) !== 0,
    payload,
    terms: readTerms(reader),
  };
}
