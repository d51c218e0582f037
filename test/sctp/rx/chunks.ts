import { ssn, tsn } from "../../../agents/sctp/index.ts";
import type { Chunk, DataChunk, IDataChunk } from "../../../agents/sctp/wire/index.ts";

/** The bytes of a whole message of one DATA chunk, number 0 of stream 0 unless said otherwise. */
export const data = (tsnOf: number, fields: Partial<DataChunk> = {}): DataChunk => ({
  type: "DATA",
  tsn: tsn(tsnOf),
  streamId: 0,
  ssn: ssn(0),
  ppid: 5,
  unordered: false,
  beginning: true,
  ending: true,
  immediate: false,
  payload: new Uint8Array(100).fill(tsnOf),
  ...fields,
});

/** Ten bytes as number `count` of stream 0, at TSN 1000 + `count`; they ask for a SACK at once. */
export const numbered = (count: number): DataChunk =>
  data(1000 + count, { ssn: ssn(count), ppid: 0, immediate: true, payload: new Uint8Array(10) });

/** The same as `data` of an I-DATA chunk. */
export const iData = (tsnOf: number, fields: Partial<IDataChunk> = {}): IDataChunk => ({
  type: "I_DATA",
  tsn: tsn(tsnOf),
  streamId: 0,
  messageId: 0,
  fsn: 0,
  ppid: 5,
  unordered: false,
  beginning: true,
  ending: true,
  immediate: false,
  payload: new Uint8Array(100).fill(tsnOf),
  ...fields,
});

/** Names of the chunks, error causes included. */
export const names = (chunks: readonly Chunk[]): string[] =>
  chunks.flatMap((chunk) =>
    chunk.type === "ABORT" || chunk.type === "ERROR"
      ? chunk.causes.map((cause) => `${chunk.type} ${cause.type}`)
      : [chunk.type],
  );
