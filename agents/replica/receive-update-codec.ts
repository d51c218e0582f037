import type { MessageName, ReceiveUpdate, Tsn } from "../sctp/index.ts";
import { tsn, unreachable } from "../sctp/index.ts";
import type { ByteReader, ByteWriter } from "./encoding.ts";
import { readReceivedChunk, writeReceivedChunk } from "./receive-codec.ts";

/** What follows the kind of an update about the receiving half. */
export function writeReceiveUpdate(writer: ByteWriter, update: ReceiveUpdate): void {
  switch (update.kind) {
    case "dataReceived":
    case "dataDelivered":
      writeReceivedChunk(writer, update.chunk);
      break;
    case "dataDiscarded":
      writer.u32(update.tsn);
      break;
    case "delivered":
      writer.list(update.tsns, (each) => writer.u32(each));
      break;
    case "dataSkipped":
      writer.u32(update.cumulativeTsn).list(update.discarded, (each) => writer.u32(each));
      writer.list(update.aborted, (name) => writeName(writer, name));
      writer.list(update.advances, ({ streamId, ssn }) => writer.u16(streamId).u32(ssn));
      writer.list(update.skips, ({ streamId, ssn }) => writer.u16(streamId).u32(ssn));
      writer.list(update.unorderedSkips, ({ streamId, ssn }) => writer.u16(streamId).u32(ssn));
      break;
    case "streamAdvanced":
      writer.u16(update.streamId).u32(update.ssn);
      break;
    case "streamsReset":
      writer.list(update.streamIds, (each) => writer.u16(each));
      break;
    case "tsnReset":
      writer.u32(update.cumulativeTsn);
      break;
    case "receiveBehind":
      writer.u8(Number(update.behind));
      break;
    case "resynchronised":
      writer.u32(update.cumulativeTsn);
      writeDropped(writer, update);
      break;
    case "flowAdopted":
      writeName(writer, update.name);
      writeDropped(writer, update);
      break;
    default:
      unreachable(update);
  }
}

export function readReceiveUpdate(reader: ByteReader, kind: ReceiveUpdate["kind"]): ReceiveUpdate {
  const readSkip = (): { streamId: number; ssn: number } => ({ streamId: reader.u16(), ssn: reader.u32() });
  switch (kind) {
    case "dataReceived":
    case "dataDelivered":
      return { kind, chunk: readReceivedChunk(reader) };
    case "dataDiscarded":
      return { kind, tsn: tsn(reader.u32()) };
    case "delivered":
      return { kind, tsns: reader.list(() => tsn(reader.u32())) };
    case "dataSkipped":
      return {
        kind,
        cumulativeTsn: tsn(reader.u32()),
        discarded: reader.list(() => tsn(reader.u32())),
        aborted: reader.list(() => readName(reader)),
        advances: reader.list(readSkip),
        skips: reader.list(readSkip),
        unorderedSkips: reader.list(readSkip),
      };
    case "streamAdvanced":
      return { kind, ...readSkip() };
    case "streamsReset":
      return { kind, streamIds: reader.list(() => reader.u16()) };
    case "tsnReset":
      return { kind, cumulativeTsn: tsn(reader.u32()) };
    case "receiveBehind":
      return { kind, behind: reader.u8() === 1 };
    case "resynchronised":
      return { kind, cumulativeTsn: tsn(reader.u32()), ...readDropped(reader) };
    case "flowAdopted":
      return { kind, name: readName(reader), ...readDropped(reader) };
    default:
      return unreachable(kind);
  }
}

function writeName(writer: ByteWriter, { streamId, unordered, ssn }: MessageName): void {
  writer.u16(streamId).u8(Number(unordered)).u32(ssn);
}

const readName = (reader: ByteReader): MessageName => ({
  streamId: reader.u16(),
  unordered: reader.u8() === 1,
  ssn: reader.u32(),
});

/** What is thrown away of messages that never become whole. */
interface Dropped {
  readonly discarded: readonly Tsn[];
  readonly aborted: readonly MessageName[];
}

function writeDropped(writer: ByteWriter, { discarded, aborted }: Dropped): void {
  writer.list(discarded, (each) => writer.u32(each)).list(aborted, (name) => writeName(writer, name));
}

const readDropped = (reader: ByteReader): Dropped => ({
  discarded: reader.list(() => tsn(reader.u32())),
  aborted: reader.list(() => readName(reader)),
});
