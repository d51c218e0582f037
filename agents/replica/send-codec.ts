import type {
  AssociationState,
  MessageTerms,
  OutboundStream,
  OutstandingChunk,
  PassedTsns,
  QueuedMessage,
  Reliability,
  SkippedMessage,
} from "../sctp/index.ts";
import { Fifo, plainTerms, tsn, unreachable } from "../sctp/index.ts";
import type { ByteReader, ByteWriter } from "./encoding.ts";
import { EncodingFlaw } from "./encoding.ts";

type SendState = AssociationState["send"];

/** The sending half of the association state. */
export function writeSendState(writer: ByteWriter, send: SendState): void {
  writer.u8(Number(send.interleaving)).u32(send.nextTsn).u32(send.cumulativeAck).f64(send.nextOrder);
  writer.list([...send.streams], ([streamId, stream]) => {
    writer.u16(streamId).u32(stream.nextSsn).u32(stream.nextUnorderedMid);
    writer.list([...stream.queue], (message) => writeMessage(writer, message));
  });
  writer.list([...send.outstanding], (chunk) => writeOutstanding(writer, chunk));
}

export function readSendState(reader: ByteReader): SendState {
  const interleaving = reader.u8() === 1;
  const nextTsn = tsn(reader.u32());
  const cumulativeAck = tsn(reader.u32());
  const nextOrder = reader.f64();
  const streams = new Map<number, OutboundStream>();
  let queuedMessages = 0;
  let queuedBytes = 0;
  reader.list(() => {
    const streamId = reader.u16();
    const nextSsn = reader.u32();
    const nextUnorderedMid = reader.u32();
    const queue = Fifo.of(reader.list(() => readMessage(reader, streamId)));
    queuedMessages += queue.length;
    for (const { payload, assignedBytes } of queue) queuedBytes += payload.length - assignedBytes;
    streams.set(streamId, { nextSsn, nextUnorderedMid, queue });
  });
  const chunks = reader.list(() => readOutstanding(reader));
  const fits = chunks.every((chunk, place) => chunk.tsn === tsn(cumulativeAck + 1 + place));
  if (!fits || nextTsn !== tsn(cumulativeAck + 1 + chunks.length)) {
    throw new EncodingFlaw("the outstanding TSNs have a gap");
  }
  const outstandingBytes = chunks.reduce((sum, each) => sum + (each.abandoned ? 0 : each.payload.length), 0);
  const outstanding = Fifo.of(chunks);
  return {
    interleaving,
    nextTsn,
    cumulativeAck,
    nextOrder,
    streams,
    queuedMessages,
    queuedBytes,
    outstanding,
    outstandingBytes,
  };
}

function writeMessage(writer: ByteWriter, message: QueuedMessage): void {
  writer.u32(message.ppid).u8(Number(message.unordered) | (Number(message.immediate) << 1));
  writer.bytes(message.payload).f64(message.order);
  writer.u32(message.assignedBytes).u32(message.assignedFragments);
  writeTerms(writer, message.terms);
}

function readMessage(reader: ByteReader, streamId: number): QueuedMessage {
  const ppid = reader.u32();
  const flags = reader.u8();
  const payload = reader.bytes();
  const order = reader.f64();
  const assignedBytes = reader.u32();
  const assignedFragments = reader.u32();
  if (assignedBytes >= payload.length) throw new EncodingFlaw("a queued message has nothing left to send");
  return {
    streamId,
    ppid,
    unordered: (flags & 1) !== 0,
    immediate: (flags & 2) !== 0,
    payload,
    order,
    assignedBytes,
    assignedFragments,
    terms: readTerms(reader),
  };
}

const unknownBit = 32;
const outstandingFlags = ["unordered", "beginning", "ending", "immediate", "abandoned"] as const;

function writeOutstanding(writer: ByteWriter, chunk: OutstandingChunk): void {
  const flags = outstandingFlags.reduce((bits, name, at) => bits | (Number(chunk[name]) << at), 0);
  const { unknown } = chunk;
  writer.u32(chunk.tsn).u16(chunk.streamId).u32(chunk.ssn).u32(chunk.fsn).u32(chunk.ppid);
  writer.u8(unknown === undefined ? flags : flags | unknownBit).bytes(chunk.payload);
  writeTerms(writer, chunk.terms);
  if (unknown === undefined) return;
  writer.list(unknown, ({ streamId, unordered, ssn }) => writer.u16(streamId).u8(Number(unordered)).u32(ssn));
}

function readOutstanding(reader: ByteReader): OutstandingChunk {
  const head = {
    tsn: tsn(reader.u32()),
    streamId: reader.u16(),
    ssn: reader.u32(),
    fsn: reader.u32(),
    ppid: reader.u32(),
  };
  const flags = reader.u8();
  const payload = reader.bytes();
  return {
    ...head,
    unordered: (flags & 1) !== 0,
    beginning: (flags & 2) !== 0,
    ending: (flags & 4) !== 0,
    immediate: (flags & 8) !== 0,
    abandoned: (flags & 16) !== 0,
    payload,
    terms: readTerms(reader),
    ...((flags & unknownBit) === 0 ? undefined : { unknown: reader.list(() => readSkipped(reader)) }),
  };
}

const readSkipped = (reader: ByteReader): SkippedMessage => ({
  streamId: reader.u16(),
  unordered: reader.u8() === 1,
  ssn: reader.u32(),
});

/** TSNs that another instance may have used. */
export function writePassedTsns(writer: ByteWriter, { ackedTsn, limitTsn, streams }: PassedTsns): void {
  writer.u32(ackedTsn).u32(limitTsn);
  writer.list(streams, ({ streamId, nextSsn, nextUnorderedMid }) =>
    writer.u16(streamId).u32(nextSsn).u32(nextUnorderedMid),
  );
}

export const readPassedTsns = (reader: ByteReader): PassedTsns => ({
  ackedTsn: tsn(reader.u32()),
  limitTsn: tsn(reader.u32()),
  streams: reader.list(() => ({
    streamId: reader.u16(),
    nextSsn: reader.u32(),
    nextUnorderedMid: reader.u32(),
  })),
});

const policies = ["timed", "limited-retransmissions", "priority"] as const;

export function writeTerms(writer: ByteWriter, terms: MessageTerms): void {
  const { reliability, expiresAtMs, context } = terms;
  writer.u8(
    (reliability === undefined ? 0 : 1) |
      (expiresAtMs === undefined ? 0 : 2) |
      (context === undefined ? 0 : 4),
  );
  if (reliability !== undefined) {
    writer.u8(policies.indexOf(reliability.policy)).f64(valueOf(reliability));
  }
  if (expiresAtMs !== undefined) writer.f64(expiresAtMs);
  if (context !== undefined) writer.u32(context);
}

function valueOf(reliability: Reliability): number {
  switch (reliability.policy) {
    case "timed":
      return reliability.lifetimeMs;
    case "limited-retransmissions":
      return reliability.maxRetransmits;
    case "priority":
      return reliability.priority;
    default:
      return unreachable(reliability);
  }
}

export function readTerms(reader: ByteReader): MessageTerms {
  const flags = reader.u8();
  if (flags === 0) return plainTerms;
  return {
    ...((flags & 1) === 0 ? undefined : { reliability: readReliability(reader) }),
    ...((flags & 2) === 0 ? undefined : { expiresAtMs: reader.f64() }),
    ...((flags & 4) === 0 ? undefined : { context: reader.u32() }),
  };
}

function readReliability(reader: ByteReader): Reliability {
  const policy = reader.oneOf(policies);
  const value = reader.f64();
  switch (policy) {
    case "timed":
      return { policy, lifetimeMs: value };
    case "limited-retransmissions":
      return { policy, maxRetransmits: value };
    case "priority":
      return { policy, priority: value };
    default:
      return unreachable(policy);
  }
}
