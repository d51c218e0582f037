import type { Ssn, Tsn } from "../base/serial.ts";
import { tsnAdd, tsnLessOrEqual, tsnNext } from "../base/serial.ts";
import { hasReceived } from "./receive-state.ts";
import type { ReceiveState, ReceivedChunk } from "./receive-state.ts";

/** TSNs of the chunks that make one complete message. */
export interface CompleteMessage {
  readonly firstTsn: Tsn;
  readonly lastTsn: Tsn;
}

const key = (streamId: number, ssn: Ssn): number => streamId * 0x10000 + ssn;

/**
 * Finds messages that can be delivered (RFC 9260 sections 6.5, 6.6 and 6.9). It only reads the receive
 * state. Its index of runs, fragments of one message with consecutive TSNs, is derived from that and can
 * be made anew at any time; it spares a walk over a whole message for each fragment of it.
 */
export class Reassembly {
  readonly #state: ReceiveState;
  /** First fragments of ordered messages, by stream and SSN. */
  readonly #beginnings: Map<number, Tsn> = new Map<number, Tsn>();
  readonly #lastOfRun: Map<Tsn, Tsn> = new Map<Tsn, Tsn>();
  readonly #firstOfRun: Map<Tsn, Tsn> = new Map<Tsn, Tsn>();

  constructor(state: ReceiveState) {
    this.#state = state;
    for (const chunk of state.buffered.values()) this.#remember(chunk);
  }

  /**
   * Whether a new chunk fits its neighbours (section 3.3.1): a message that did not end goes on, and one
   * that goes on began. Where it does not, what is in the buffer could never be delivered.
   */
  fits(chunk: ReceivedChunk): boolean {
    const before = tsnAdd(chunk.tsn, -1);
    const previous = this.#state.buffered.get(before);
    if (previous !== undefined) {
      if (chunk.beginning ? !previous.ending : !continues(previous, chunk)) return false;
    } else if (!chunk.beginning && hasReceived(this.#state, before)) return false;
    const after = tsnNext(chunk.tsn);
    const next = this.#state.buffered.get(after);
    if (next !== undefined) return next.beginning ? chunk.ending : continues(chunk, next);
    return chunk.ending || !hasReceived(this.#state, after);
  }

  /** Call after `chunk` was taken in: the next message that it makes deliverable, if any. */
  arrived(chunk: ReceivedChunk): CompleteMessage | undefined {
    const firstTsn = this.#remember(chunk);
    return chunk.unordered ? this.#complete(firstTsn) : this.nextOrdered(chunk.streamId);
  }

  /** The message with the next SSN of a stream when it is complete. Ask again after each delivery. */
  nextOrdered(streamId: number): CompleteMessage | undefined {
    const ssn = this.#state.nextSsn[streamId];
    const firstTsn = ssn === undefined ? undefined : this.#beginnings.get(key(streamId, ssn));
    return firstTsn === undefined ? undefined : this.#complete(firstTsn);
  }

  /** A message that can be delivered, wherever it is: what another instance left behind. */
  anyComplete(): CompleteMessage | undefined {
    for (const chunk of this.#state.buffered.values()) {
      if (!chunk.beginning) continue;
      const message = chunk.unordered ? this.#complete(chunk.tsn) : this.nextOrdered(chunk.streamId);
      if (message !== undefined) return message;
    }
    return undefined;
  }

  /** Call before the chunks of a message are taken out. */
  forget(message: CompleteMessage): void {
    const first = this.#state.buffered.get(message.firstTsn);
    if (first !== undefined && !first.unordered) this.#beginnings.delete(key(first.streamId, first.ssn));
    this.#lastOfRun.delete(message.firstTsn);
    this.#firstOfRun.delete(message.lastTsn);
  }

  /** Joins a chunk with the runs beside it; answers the first TSN of the run that it is now part of. */
  #remember(chunk: ReceivedChunk): Tsn {
    if (chunk.beginning && !chunk.unordered) this.#beginnings.set(key(chunk.streamId, chunk.ssn), chunk.tsn);
    const { buffered } = this.#state;
    const before = tsnAdd(chunk.tsn, -1);
    const after = tsnNext(chunk.tsn);
    const previous = buffered.get(before);
    const next = buffered.get(after);
    let firstTsn = chunk.tsn;
    let lastTsn = chunk.tsn;
    if (previous !== undefined && continues(previous, chunk)) {
      firstTsn = this.#firstOfRun.get(before) ?? firstTsn;
      this.#firstOfRun.delete(before);
    }
    if (next !== undefined && continues(chunk, next)) {
      lastTsn = this.#lastOfRun.get(after) ?? lastTsn;
      this.#lastOfRun.delete(after);
    }
    this.#lastOfRun.set(firstTsn, lastTsn);
    this.#firstOfRun.set(lastTsn, firstTsn);
    return firstTsn;
  }

  #complete(firstTsn: Tsn): CompleteMessage | undefined {
    const lastTsn = this.#lastOfRun.get(firstTsn);
    if (lastTsn === undefined) return undefined;
    const { buffered } = this.#state;
    const whole = buffered.get(firstTsn)?.beginning === true && buffered.get(lastTsn)?.ending === true;
    return whole ? { firstTsn, lastTsn } : undefined;
  }
}

/** `next`, whose TSN follows, is the next fragment of the same message. */
function continues(chunk: ReceivedChunk, next: ReceivedChunk): boolean {
  return (
    !chunk.ending &&
    !next.beginning &&
    next.streamId === chunk.streamId &&
    next.unordered === chunk.unordered &&
    (chunk.unordered || next.ssn === chunk.ssn)
  );
}

/** The chunks of a complete message, in order. */
export function chunksOf(state: ReceiveState, message: CompleteMessage): readonly ReceivedChunk[] {
  const chunks: ReceivedChunk[] = [];
  for (let tsn = message.firstTsn; tsnLessOrEqual(tsn, message.lastTsn); tsn = tsnNext(tsn)) {
    const chunk = state.buffered.get(tsn);
    if (chunk !== undefined) chunks.push(chunk);
  }
  return chunks;
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
