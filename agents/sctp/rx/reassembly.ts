import { assert } from "../base/assert.ts";
import type { MessageName, ReceiveState, ReceivedChunk } from "./receive-state.ts";
import { positionOf, ssnSteps } from "./receive-state.ts";

/** What is in hand of a message, in the order of the positions. All unordered DATA of a stream shares one. */
interface Fragments {
  readonly chunks: ReceivedChunk[];
  bytes: number;
}

const nothing: Fragments = { chunks: [], bytes: 0 };

/** What is in hand of one stream, by SSN or MID. */
interface StreamBuffer {
  readonly ordered: Map<number, Fragments>;
  readonly unordered: Map<number, Fragments>;
}

/**
 * Finds what can be delivered among the buffered chunks (RFC 9260 sections 6.5, 6.6 and 6.9, RFC 8260
 * section 2.2.3). It only reads the receive state; its index by stream and message is derived from that and
 * can be made anew at any time.
 *
 * Fragments of a message go by FSN where the association has I-DATA, else by TSN. Unordered DATA carries no
 * message number, so all of a stream stands in one list, in which messages are told apart by their first and
 * last fragments.
 */
export class Reassembly {
  readonly #state: ReceiveState;
  readonly #streams: Map<number, StreamBuffer> = new Map<number, StreamBuffer>();

  constructor(state: ReceiveState) {
    this.#state = state;
    this.rebuild();
  }

  rebuild(): void {
    this.#streams.clear();
    for (const chunk of this.#state.buffered.values()) this.add(chunk);
  }

  /** Call after `chunk` was put into the buffer. */
  add(chunk: ReceivedChunk): void {
    let buffer = this.#streams.get(chunk.streamId);
    if (buffer === undefined) {
      buffer = { ordered: new Map(), unordered: new Map() };
      this.#streams.set(chunk.streamId, buffer);
    }
    const messages = chunk.unordered ? buffer.unordered : buffer.ordered;
    const fragments = messages.get(chunk.ssn);
    if (fragments === undefined) {
      messages.set(chunk.ssn, { chunks: [chunk], bytes: chunk.payload.length });
      return;
    }
    const { chunks } = fragments;
    const place = this.#placeOf(chunks, positionOf(this.#state, chunk));
    if (place === chunks.length) chunks.push(chunk);
    else chunks.splice(place, 0, chunk);
    fragments.bytes += chunk.payload.length;
  }

  /** Call for each run of fragments that was taken out of the buffer. */
  remove(run: readonly ReceivedChunk[]): void {
    const first = run[0];
    if (first === undefined) return;
    const buffer = this.#streams.get(first.streamId);
    const messages = first.unordered ? buffer?.unordered : buffer?.ordered;
    const fragments = messages?.get(first.ssn);
    assert(buffer !== undefined && messages !== undefined && fragments !== undefined, "it was in the buffer");
    if (fragments.chunks.length > run.length) {
      fragments.chunks.splice(this.#placeOf(fragments.chunks, positionOf(this.#state, first)), run.length);
      for (const { payload } of run) fragments.bytes -= payload.length;
      return;
    }
    messages.delete(first.ssn);
    if (buffer.ordered.size + buffer.unordered.size === 0) this.#streams.delete(first.streamId);
  }

  #find(name: MessageName): Fragments {
    const buffer = this.#streams.get(name.streamId);
    return (name.unordered ? buffer?.unordered : buffer?.ordered)?.get(name.ssn) ?? nothing;
  }

  /** All fragments in hand under a name. */
  fragmentsOf(name: MessageName): readonly ReceivedChunk[] {
    return this.#find(name).chunks;
  }

  /** Bytes in hand under a name. */
  bytesOf(name: MessageName): number {
    return this.#find(name).bytes;
  }

  /** Whether the last fragment of its message is in hand, and all between it and `chunk`. */
  reachesEnd(chunk: ReceivedChunk): boolean {
    const fragments = this.fragmentsOf(chunk);
    let at = this.#placeOf(fragments, positionOf(this.#state, chunk));
    while (this.#adjoin(fragments[at], fragments[at + 1])) at += 1;
    return fragments[at]?.ending === true;
  }

  /** Whether a fragment with the position of `chunk` is in hand of its message. */
  holds(chunk: ReceivedChunk): boolean {
    const fragments = this.fragmentsOf(chunk);
    const position = positionOf(this.#state, chunk);
    const there = fragments[this.#placeOf(fragments, position)];
    return there !== undefined && positionOf(this.#state, there) === position;
  }

  /** The fragments in hand without a hole from a position on, to the end of their message at most. */
  runFrom(name: MessageName, position: number): ReceivedChunk[] {
    const fragments = this.fragmentsOf(name);
    return this.#run(fragments, this.#placeOf(fragments, position), position);
  }

  /** The same from the first fragment on of the message that `chunk` belongs to; empty when that is missing. */
  runAround(chunk: ReceivedChunk): ReceivedChunk[] {
    const fragments = this.fragmentsOf(chunk);
    let at = this.#placeOf(fragments, positionOf(this.#state, chunk));
    while (fragments[at]?.beginning === false && this.#adjoin(fragments[at - 1], fragments[at])) at -= 1;
    return fragments[at]?.beginning === true ? this.#run(fragments, at) : [];
  }

  /** The run at the start of the ordered message with this number; empty when its first fragment is missing. */
  orderedRun(streamId: number, ssn: number): ReceivedChunk[] {
    const fragments = this.#streams.get(streamId)?.ordered.get(ssn)?.chunks;
    return fragments?.[0]?.beginning === true ? this.#run(fragments, 0) : [];
  }

  /** Whether an ordered message is whole, without a walk over it. */
  isWhole(streamId: number, ssn: number): boolean {
    const fragments = this.#streams.get(streamId)?.ordered.get(ssn)?.chunks;
    return fragments !== undefined && this.#whole(fragments);
  }

  /** Numbers of the ordered messages of a stream, up to `ssn`, of which something is in hand; in their order. */
  orderedUpTo(streamId: number, ssn: number): readonly number[] {
    const ordered = this.#streams.get(streamId)?.ordered;
    if (ordered === undefined) return [];
    const steps = (each: number): number => ssnSteps(this.#state, each, ssn);
    return [...ordered.keys()].filter((each) => steps(each) >= 0).toSorted((a, b) => steps(b) - steps(a));
  }

  /** Fragments, up to message `ssn`, of messages that are not whole. */
  incompleteUpTo(name: MessageName): readonly ReceivedChunk[] {
    const buffer = this.#streams.get(name.streamId);
    const messages = name.unordered ? buffer?.unordered : buffer?.ordered;
    const found: ReceivedChunk[] = [];
    for (const [ssn, { chunks }] of messages ?? []) {
      if (ssnSteps(this.#state, ssn, name.ssn) >= 0 && !this.#whole(chunks)) found.push(...chunks);
    }
    return found;
  }

  /** Every run in hand: fragments of one message without a hole between them. */
  *runs(): Generator<ReceivedChunk[]> {
    for (const { ordered, unordered } of this.#streams.values()) {
      for (const messages of [ordered, unordered]) {
        for (const { chunks } of messages.values()) {
          for (let at = 0; at < chunks.length;) {
            const run = this.#run(chunks, at);
            at += run.length;
            yield run;
          }
        }
      }
    }
  }

  /** Streams of which something is in hand, in an order that does not depend on what came and went before. */
  streamIds(): readonly number[] {
    return [...this.#streams.keys()].toSorted((a, b) => a - b);
  }

  /** Runs of the unordered messages of a stream that have their first fragment. */
  unorderedRuns(streamId: number): readonly ReceivedChunk[][] {
    const runs: ReceivedChunk[][] = [];
    const messages = [...(this.#streams.get(streamId)?.unordered ?? [])];
    for (const [, { chunks }] of messages.toSorted(([a], [b]) => (a - b) | 0)) {
      chunks.forEach((chunk, at) => {
        if (chunk.beginning) runs.push(this.#run(chunks, at));
      });
    }
    return runs;
  }

  /** `from` plus all that follows it without a hole; with `position`, only when that is what stands there. */
  #run(fragments: readonly ReceivedChunk[], from: number, position?: number): ReceivedChunk[] {
    const first = fragments[from];
    if (first === undefined) return [];
    if (position !== undefined && positionOf(this.#state, first) !== position) return [];
    let end = from + 1;
    while (!fragments[end - 1]?.ending && this.#adjoin(fragments[end - 1], fragments[end])) end += 1;
    return fragments.slice(from, end);
  }

  /** `next` goes on with the message of `fragment`, right behind it. */
  #adjoin(fragment: ReceivedChunk | undefined, next: ReceivedChunk | undefined): boolean {
    if (fragment === undefined || next === undefined || fragment.ending || next.beginning) return false;
    return ((positionOf(this.#state, next) - positionOf(this.#state, fragment)) | 0) === 1;
  }

  #whole(fragments: readonly ReceivedChunk[]): boolean {
    const first = fragments[0];
    const last = fragments.at(-1);
    if (first?.beginning !== true || last?.ending !== true) return false;
    const steps = (positionOf(this.#state, last) - positionOf(this.#state, first)) | 0;
    return steps === fragments.length - 1;
  }

  /** Index of the first fragment at `position` or later: new ones mostly come last. */
  #placeOf(fragments: readonly ReceivedChunk[], position: number): number {
    const last = fragments.at(-1);
    if (last === undefined || ((positionOf(this.#state, last) - position) | 0) < 0) return fragments.length;
    let low = 0;
    let high = fragments.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const there = fragments[middle];
      if (there !== undefined && ((positionOf(this.#state, there) - position) | 0) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The payload of a message, or of a part of it, out of its fragments. */
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
