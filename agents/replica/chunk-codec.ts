import type { ReceivedChunk } from "../sctp/index.ts";
import { ssn, tsn } from "../sctp/index.ts";
import type { ByteReader, ByteWriter } from "./encoding.ts";

const unorderedBit = 4;
const beginningBit = 2;
const endingBit = 1;

/** A DATA chunk, received or outstanding. */
export function writeChunk(writer: ByteWriter, chunk: ReceivedChunk): void {
  const flags =
    (chunk.unordered ? unorderedBit : 0) |
    (chunk.beginning ? beginningBit : 0) |
    (chunk.ending ? endingBit : 0);
  writer.u32(chunk.tsn).u16(chunk.streamId).u16(chunk.ssn).u32(chunk.ppid).u8(flags).bytes(chunk.payload);
}

export function readChunk(reader: ByteReader): ReceivedChunk {
  const chunkTsn = tsn(reader.u32());
  const streamId = reader.u16();
  const chunkSsn = ssn(reader.u16());
  const ppid = reader.u32();
  const flags = reader.u8();
  return {
    tsn: chunkTsn,
    streamId,
    ssn: chunkSsn,
    ppid,
    unordered: (flags & unorderedBit) !== 0,
    beginning: (flags & beginningBit) !== 0,
    ending: (flags & endingBit) !== 0,
    payload: reader.bytes(),
  };
}
