import type { Ssn, Tsn } from "../base/serial.ts";
import { tsnAdd, tsnNext } from "../base/serial.ts";
import type { ReceiveState, ReceivedChunk } from "./receive-state.ts";

/** TSNs of the chunks that make one complete message. */
export interface CompleteMessage {
  readonly firstTsn: Tsn;
  readonly lastTsn: Tsn;
}

const key = (streamId: number, ssn: Ssn): number => streamId * 0x10000 + ssn;

/**
 * Finds messages that can be delivered (RFC 9260 sections 6.5, 6.6 and 6.9). It only reads the
 * receive state; the index of first fragments is derived from it and can be made anew at any time.
 */
export class Reassembly {
  readonly #state: ReceiveState;
  /** First fragments of ordered messages, by stream and SSN. */
  readonly #beginnings: Map<number, Tsn> = new Map<number, Tsn>();

  constructor(state: ReceiveState) {
    this.#state = state;
    for (const chunk of state.buffered.values()) this.#remember(chunk);
  }

  #remember(chunk: ReceivedChunk): void {
    if (chunk.beginning && !chunk.unordered) this.#beginnings.set(key(chunk.streamId, chunk.ssn), chunk.tsn);
  }

  /** Call after `chunk` was taken in: the next message that it makes deliverable, if any. */
  arrived(chunk: ReceivedChunk): CompleteMessage | undefined {
    this.#remember(chunk);
    return chunk.unordered ? this.#unorderedAround(chunk) : this.nextOrdered(chunk.streamId);
  }

  /** The message with the next SSN of a stream when it is complete. Ask again after each delivery. */
  nextOrdered(streamId: number): CompleteMessage | undefined {
    const ssn = this.#state.nextSsn[streamId];
    if (ssn === undefined) return undefined;
    const firstTsn = this.#beginnings.get(key(streamId, ssn));
    if (firstTsn === undefined) return undefined;
    const first = this.#state.buffered.get(firstTsn);
    const lastTsn = first && this.#endingFrom(first);
    if (lastTsn === undefined) return undefined;
    this.#beginnings.delete(key(streamId, ssn));
    return { firstTsn, lastTsn };
  }

  #unorderedAround(chunk: ReceivedChunk): CompleteMessage | undefined {
    let first: ReceivedChunk | undefined = chunk;
    while (first !== undefined && !first.beginning) first = this.#neighbour(first, -1);
    if (first === undefined) return undefined;
    const lastTsn = this.#endingFrom(first);
    return lastTsn === undefined ? undefined : { firstTsn: first.tsn, lastTsn };
  }

  #endingFrom(first: ReceivedChunk): Tsn | undefined {
    let chunk: ReceivedChunk | undefined = first;
    while (chunk !== undefined && !chunk.ending) chunk = this.#neighbour(chunk, 1);
    return chunk?.tsn;
  }

  /** The adjacent fragment of the same message; fragments of one message have consecutive TSNs. */
  #neighbour(chunk: ReceivedChunk, step: 1 | -1): ReceivedChunk | undefined {
    const other = this.#state.buffered.get(step === 1 ? tsnNext(chunk.tsn) : tsnAdd(chunk.tsn, -1));
    const same =
      other !== undefined &&
      other.streamId === chunk.streamId &&
      other.unordered === chunk.unordered &&
      (chunk.unordered || other.ssn === chunk.ssn) &&
      (step === 1 ? !other.beginning : !other.ending);
    return same ? other : undefined;
  }
}

/** The payload of a message out of its fragments. */
export function joinPayload(chunks: readonly ReceivedChunk[]): Uint8Array {
  const only = chunks[0];
  if (chunks.length === 1 && only !== undefined) return only.payload;
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.payload.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk.payload, offset);
    offset += chunk.payload.length;
  }
  return whole;
}
