import { assert } from "../base/assert.ts";
import type { Tsn } from "../base/serial.ts";
import type { OutstandingChunk } from "./send-state.ts";

/** Why a chunk is to be sent again. */
export type RetransmissionReason = "t3" | "fast" | "takeover";

/** How one outstanding chunk fares on the network. Not replicated: after a takeover it starts anew. */
export interface Transmission {
  readonly chunk: OutstandingChunk;
  /** Number of the update that assigned the TSN: what a packet that carries it depends on. */
  readonly sequence: number;
  /** Remote address that it was last sent to; undefined before the first time. */
  path: string | undefined;
  sentAtMs: number;
  sendCount: number;
  inFlight: boolean;
  gapAcked: boolean;
  /** Missing reports since it was last sent (RFC 9260 section 7.2.4). */
  missing: number;
  retransmit: RetransmissionReason | undefined;
  /** It was fast retransmitted once; the next time is for T3. */
  fastRetransmitted: boolean;
  /** This transmission measures the RTT of its path. */
  timed: boolean;
}

export interface FlightState {
  readonly transmissions: readonly Transmission[];
}

/** All outstanding chunks in TSN order, with the bytes in flight on each path. */
export class Flight {
  readonly #byTsn: Map<Tsn, Transmission> = new Map<Tsn, Transmission>();
  readonly #bytesByPath: Map<string, number> = new Map<string, number>();
  #toRetransmit: number = 0;
  #gapAcked: number = 0;

  add(chunk: OutstandingChunk, sequence: number): Transmission {
    const transmission: Transmission = {
      chunk,
      sequence,
      path: undefined,
      sentAtMs: 0,
      sendCount: 0,
      inFlight: false,
      gapAcked: false,
      missing: 0,
      retransmit: undefined,
      fastRetransmitted: false,
      timed: false,
    };
    this.#byTsn.set(chunk.tsn, transmission);
    return transmission;
  }

  [Symbol.iterator](): IterableIterator<Transmission> {
    return this.#byTsn.values();
  }

  get size(): number {
    return this.#byTsn.size;
  }

  get(tsn: Tsn): Transmission | undefined {
    return this.#byTsn.get(tsn);
  }

  bytesOn(path: string): number {
    return this.#bytesByPath.get(path) ?? 0;
  }

  /** Bytes in flight over all paths: what the peer's window must hold. */
  get totalBytes(): number {
    let total = 0;
    for (const bytes of this.#bytesByPath.values()) total += bytes;
    return total;
  }

  get hasGapAcked(): boolean {
    return this.#gapAcked > 0;
  }

  get hasRetransmissions(): boolean {
    return this.#toRetransmit > 0;
  }

  markSent(transmission: Transmission, path: string, nowMs: number): void {
    this.#leaveFlight(transmission);
    if (transmission.retransmit !== undefined) this.#toRetransmit -= 1;
    transmission.retransmit = undefined;
    transmission.path = path;
    transmission.sentAtMs = nowMs;
    transmission.sendCount += 1;
    transmission.missing = 0;
    transmission.inFlight = true;
    this.#bytesByPath.set(path, this.bytesOn(path) + transmission.chunk.payload.length);
  }

  markForRetransmission(transmission: Transmission, reason: RetransmissionReason): void {
    this.#leaveFlight(transmission);
    if (transmission.retransmit === undefined) this.#toRetransmit += 1;
    transmission.retransmit = reason;
  }

  /** The peer reported it in a gap block: it no longer counts as in flight, but is kept (it may renege). */
  markGapAcked(transmission: Transmission): void {
    this.#leaveFlight(transmission);
    if (transmission.retransmit !== undefined) this.#toRetransmit -= 1;
    transmission.retransmit = undefined;
    transmission.gapAcked = true;
    this.#gapAcked += 1;
  }

  /** The peer no longer reports it in a gap block: it is in flight as before. */
  markReneged(transmission: Transmission): void {
    transmission.gapAcked = false;
    this.#gapAcked -= 1;
    if (transmission.path === undefined) {
      this.markForRetransmission(transmission, "takeover");
      return;
    }
    transmission.inFlight = true;
    transmission.timed = false;
    this.#bytesByPath.set(
      transmission.path,
      this.bytesOn(transmission.path) + transmission.chunk.payload.length,
    );
  }

  /** The chunk is acknowledged for good. */
  remove(tsn: Tsn): void {
    const transmission = this.#byTsn.get(tsn);
    assert(transmission !== undefined, "an acknowledged chunk was outstanding");
    this.#leaveFlight(transmission);
    if (transmission.retransmit !== undefined) this.#toRetransmit -= 1;
    if (transmission.gapAcked) this.#gapAcked -= 1;
    this.#byTsn.delete(tsn);
  }

  #leaveFlight(transmission: Transmission): void {
    if (!transmission.inFlight || transmission.path === undefined) return;
    transmission.inFlight = false;
    const { path, chunk } = transmission;
    this.#bytesByPath.set(path, this.bytesOn(path) - chunk.payload.length);
  }

  snapshot(): FlightState {
    return { transmissions: [...this.#byTsn.values()].map((one) => ({ ...one })) };
  }

  restore(state: FlightState): void {
    this.#byTsn.clear();
    this.#bytesByPath.clear();
    this.#toRetransmit = 0;
    this.#gapAcked = 0;
    for (const one of state.transmissions) {
      this.#byTsn.set(one.chunk.tsn, { ...one });
      if (one.retransmit !== undefined) this.#toRetransmit += 1;
      if (one.gapAcked) this.#gapAcked += 1;
      if (one.inFlight && one.path !== undefined) {
        this.#bytesByPath.set(one.path, this.bytesOn(one.path) + one.chunk.payload.length);
      }
    }
  }
}
