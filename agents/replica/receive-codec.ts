import type { AssociationState, ReceivedChunk, Tsn } from "../sctp/index.ts";
import { ssn, tsn } from "../sctp/index.ts";
import { readChunk, writeChunk } from "./chunk-codec.ts";
import type { ByteReader, ByteWriter } from "./encoding.ts";

/** The receiving half of the association state. */
export function writeReceiveState(writer: ByteWriter, receive: AssociationState["receive"]): void {
  writer.u32(receive.cumulativeTsn).list([...receive.above], (value) => writer.u32(value));
  writer.list([...receive.buffered.values()], (chunk) => writeChunk(writer, chunk));
  writer.list(receive.nextSsn, (value) => writer.u16(value));
}

export function readReceiveState(reader: ByteReader): AssociationState["receive"] {
  const cumulativeTsn = tsn(reader.u32());
  const above = new Set(reader.list(() => tsn(reader.u32())));
  const chunks = reader.list(() => readChunk(reader));
  const nextSsn = reader.list(() => ssn(reader.u16()));
  return {
    cumulativeTsn,
    above,
    buffered: new Map<Tsn, ReceivedChunk>(chunks.map((chunk) => [chunk.tsn, chunk])),
    bufferedBytes: chunks.reduce((sum, chunk) => sum + chunk.payload.length, 0),
    nextSsn,
  };
}
