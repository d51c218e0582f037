import type { AssociationState, ReceivedChunk, Tsn } from "../sctp/index.ts";
import { tsn } from "../sctp/index.ts";
import type { ByteReader, ByteWriter } from "./encoding.ts";

const unorderedBit = 4;
const beginningBit = 2;
const endingBit = 1;
/** Beside bit 1, `behind`: flows wait for their numbers. */
const adoptingBit = 2;

/** A received DATA or I-DATA chunk. */
export function writeReceivedChunk(writer: ByteWriter, chunk: ReceivedChunk): void {
  const flags =
    (chunk.unordered ? unorderedBit : 0) |
    (chunk.beginning ? beginningBit : 0) |
    (chunk.ending ? endingBit : 0);
  writer.u32(chunk.tsn).u16(chunk.streamId).u32(chunk.ssn).u32(chunk.fsn).u32(chunk.ppid);
  writer.u8(flags).bytes(chunk.payload);
}

/** Its payload lies in the bytes that are read. */
export function readReceivedChunk(reader: ByteReader): ReceivedChunk {
  const chunkTsn = tsn(reader.u32());
  const streamId = reader.u16();
  const ssn = reader.u32();
  const fsn = reader.u32();
  const ppid = reader.u32();
  const flags = reader.u8();
  return {
    tsn: chunkTsn,
    streamId,
    ssn,
    fsn,
    ppid,
    unordered: (flags & unorderedBit) !== 0,
    beginning: (flags & beginningBit) !== 0,
    ending: (flags & endingBit) !== 0,
    payload: reader.view(),
  };
}

/** The receiving half of the association state. */
export function writeReceiveState(writer: ByteWriter, receive: AssociationState["receive"]): void {
  writer.u8(Number(receive.interleaving)).u32(receive.cumulativeTsn);
  writer.list(receive.above, ({ first, last }) => writer.u32(first).u32(last));
  writer.list([...receive.buffered.values()], (chunk) => writeReceivedChunk(writer, chunk));
  // Only the streams in use: of 65535 there may be none.
  writer.list(Object.entries(receive.nextSsn), ([streamId, ssn]) => writer.u16(Number(streamId)).u32(ssn));
  writer.list(receive.partial, (each) => {
    writer.u16(each.streamId).u8(Number(each.unordered)).u32(each.ssn).u32(each.ppid);
    writer.u32(each.nextTsn).u32(each.nextFsn);
  });
  writer.list(receive.skips, ({ streamId, ssn }) => writer.u16(streamId).u32(ssn));
  writer.list([...receive.unorderedSkips], ([streamId, skip]) =>
    writer.u16(streamId).u32(skip.ssn).u32(skip.tsn),
  );
  writer.u8(Number(receive.behind) | (receive.adopted === undefined ? 0 : adoptingBit));
  writer.u32(receive.adopted?.fromTsn ?? 0);
  writer.list([...(receive.adopted?.flows ?? [])], (flow) => writer.u32(flow));
}

export function readReceiveState(reader: ByteReader): AssociationState["receive"] {
  const interleaving = reader.u8() === 1;
  const cumulativeTsn = tsn(reader.u32());
  const above = reader.list(() => ({ first: tsn(reader.u32()), last: tsn(reader.u32()) }));
  const chunks = reader.list(() => {
    const chunk = readReceivedChunk(reader);
    return { ...chunk, payload: chunk.payload.slice() };
  });
  const nextSsn: number[] = [];
  for (const [streamId, ssn] of reader.list(() => [reader.u16(), reader.u32()] as const)) {
    nextSsn[streamId] = ssn;
  }
  const partial = reader.list(() => ({
    streamId: reader.u16(),
    unordered: reader.u8() === 1,
    ssn: reader.u32(),
    ppid: reader.u32(),
    nextTsn: tsn(reader.u32()),
    nextFsn: reader.u32(),
  }));
  const skips = reader.list(() => ({ streamId: reader.u16(), ssn: reader.u32() }));
  const unorderedSkips = new Map(
    reader.list(() => [reader.u16(), { ssn: reader.u32(), tsn: tsn(reader.u32()) }] as const),
  );
  const takenOver = reader.u8();
  const adopted = { fromTsn: tsn(reader.u32()), flows: new Set(reader.list(() => reader.u32())) };
  return {
    interleaving,
    cumulativeTsn,
    above,
    buffered: new Map<Tsn, ReceivedChunk>(chunks.map((chunk) => [chunk.tsn, chunk])),
    bufferedBytes: chunks.reduce((sum, chunk) => sum + chunk.payload.length, 0),
    nextSsn,
    partial,
    skips,
    unorderedSkips,
    behind: (takenOver & 1) !== 0,
    adopted: (takenOver & adoptingBit) === 0 ? undefined : adopted,
  };
}
