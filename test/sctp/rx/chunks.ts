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

/** The same of an I-DATA chunk. */
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
