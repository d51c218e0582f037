import { assert } from "../base/assert.ts";
import { padded } from "../base/bytes.ts";
import { Fifo } from "../base/fifo.ts";
import type { Tsn } from "../base/serial.ts";
import { tsnDistance } from "../base/serial.ts";
import { dataHeaderBytes, iDataHeaderBytes } from "../wire/index.ts";
import type { OutstandingChunk } from "./send-state.ts";

/** Why a chunk is to be sent again. */
export type RetransmissionReason = "t3" | "fast" | "takeover";

/** What a flight needs to know of a path: its name, and where to book the bytes that are on it. */
export interface CarryingPath {
  readonly address: string;
  /** Bytes of chunks in flight, headers and padding included. */
  flightBytes: number;
}

/** How one outstanding chunk fares on the network. Not replicated: after a takeover it starts anew. */
export interface Transmission<Path extends CarryingPath> {
  readonly chunk: OutstandingChunk;
  /** Number of the update that assigned the TSN: what a packet that carries it depends on. */
  readonly sequence: number;
  /** Bytes that the chunk takes in a packet: what the congestion window counts. */
  readonly packetBytes: number;
  /** Where it was last sent to; undefined before the first time. */
  path: Path | undefined;
  /** Our address from which it last left. */
  sentFrom: string | undefined;
  sentAtMs: number;
  sendCount: number;
  inFlight: boolean;
  gapAcked: boolean;
  /** Missing reports since it was last sent (RFC 9260 section 7.2.4). */
  missing: number;
  retransmit: RetransmissionReason | undefined;
  /** It was fast retransmitted once, or its loss was seen in place of that; the next time is for T3. */
  fastRetransmitted: boolean;
}

/** One transmission without its chunk, which the association state holds at the same place. */
export type TransmissionState = Omit<Transmission<CarryingPath>, "chunk" | "path" | "packetBytes"> & {
  readonly path: string | undefined;
};

export interface FlightState {
  readonly transmissions: readonly TransmissionState[];
}

/** All outstanding chunks in TSN order, without a gap; what is in flight is booked on its path. */
export class Flight<Path extends CarryingPath> {
  readonly #transmissions: Fifo<Transmission<Path>> = new Fifo<Transmission<Path>>();
  readonly #headerBytes: number;
  #payloadBytes: number = 0;
  #toRetransmit: number = 0;
  #gapAcked: number = 0;

  constructor(interleaving: boolean) {
    this.#headerBytes = interleaving ? iDataHeaderBytes : dataHeaderBytes;
  }

  add(chunk: OutstandingChunk, sequence: number): Transmission<Path> {
    const transmission: Transmission<Path> = {
      chunk,
      sequence,
      packetBytes: padded(this.#headerBytes + chunk.payload.length),
      path: undefined,
      sentFrom: undefined,
      sentAtMs: 0,
      sendCount: 0,
      inFlight: false,
      gapAcked: false,
      missing: 0,
      retransmit: undefined,
      fastRetransmitted: false,
    };
    this.#transmissions.push(transmission);
    return transmission;
  }

  [Symbol.iterator](): IterableIterator<Transmission<Path>> {
    return this.#transmissions[Symbol.iterator]();
  }

  get size(): number {
    return this.#transmissions.length;
  }

  /** By place: 0 is the lowest outstanding TSN. */
  at(place: number): Transmission<Path> | undefined {
    return this.#transmissions.at(place);
  }

  get(tsn: Tsn): Transmission<Path> | undefined {
    const first = this.#transmissions.first;
    return first === undefined ? undefined : this.#transmissions.at(tsnDistance(first.chunk.tsn, tsn));
  }

  /** User data in flight over all paths: what the peer's window must hold. */
  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  get hasGapAcked(): boolean {
    return this.#gapAcked > 0;
  }

  get hasRetransmissions(): boolean {
    return this.#toRetransmit > 0;
  }

  markSent(transmission: Transmission<Path>, path: Path, from: string | undefined, nowMs: number): void {
    this.#leaveFlight(transmission);
    this.#setRetransmit(transmission, undefined);
    transmission.path = path;
    transmission.sentFrom = from;
    transmission.sentAtMs = nowMs;
    transmission.sendCount += 1;
    transmission.missing = 0;
    this.#enterFlight(transmission, path);
  }

  markForRetransmission(transmission: Transmission<Path>, reason: RetransmissionReason): void {
    this.#leaveFlight(transmission);
    this.#setRetransmit(transmission, reason);
  }

  /** The peer reported it in a gap block: it no longer counts as in flight, but is kept (it may renege). */
  markGapAcked(transmission: Transmission<Path>): void {
    this.#leaveFlight(transmission);
    this.#setRetransmit(transmission, undefined);
    transmission.gapAcked = true;
    this.#gapAcked += 1;
  }

  /** The peer no longer reports it in a gap block: it is in flight as before. */
  markReneged(transmission: Transmission<Path>): void {
    transmission.gapAcked = false;
    this.#gapAcked -= 1;
    if (transmission.chunk.abandoned) return;
    // Sent by another instance, or to an address that is gone.
    const reason = transmission.sendCount === 0 ? "takeover" : "t3";
    if (transmission.path === undefined) this.#setRetransmit(transmission, reason);
    else this.#enterFlight(transmission, transmission.path);
  }

  /** It was given up: it neither counts as in flight nor is it sent again; a loss that was seen counts once. */
  markAbandoned(transmission: Transmission<Path>): void {
    this.#leaveFlight(transmission);
    if (transmission.retransmit !== undefined) transmission.fastRetransmitted = true;
    this.#setRetransmit(transmission, undefined);
  }

  /** Takes out the chunk with the lowest TSN, which is acknowledged for good. */
  shift(): Transmission<Path> {
    const transmission = this.#transmissions.shift();
    assert(transmission !== undefined, "an acknowledged chunk was outstanding");
    this.#leaveFlight(transmission);
    this.#setRetransmit(transmission, undefined);
    if (transmission.gapAcked) this.#gapAcked -= 1;
    return transmission;
  }

  #setRetransmit(transmission: Transmission<Path>, reason: RetransmissionReason | undefined): void {
    if (transmission.retransmit !== undefined) this.#toRetransmit -= 1;
    if (reason !== undefined) this.#toRetransmit += 1;
    transmission.retransmit = reason;
  }

  #enterFlight(transmission: Transmission<Path>, path: Path): void {
    transmission.inFlight = true;
    path.flightBytes += transmission.packetBytes;
    this.#payloadBytes += transmission.chunk.payload.length;
  }

  #leaveFlight(transmission: Transmission<Path>): void {
    if (!transmission.inFlight || transmission.path === undefined) return;
    transmission.inFlight = false;
    transmission.path.flightBytes -= transmission.packetBytes;
    this.#payloadBytes -= transmission.chunk.payload.length;
  }

  snapshot(): FlightState {
    const transmissions = [...this.#transmissions].map(
      ({ chunk: _chunk, packetBytes: _packetBytes, path, ...rest }) => ({ ...rest, path: path?.address }),
    );
    return { transmissions };
  }

  /** `chunks`: what is outstanding, in the same order; `paths` carry no bytes in flight yet. */
  restore(state: FlightState, chunks: Iterable<OutstandingChunk>, paths: ReadonlyMap<string, Path>): void {
    let place = 0;
    for (const chunk of chunks) {
      const saved = state.transmissions[place++];
      assert(saved !== undefined, "a snapshot has a transmission for each outstanding chunk");
      const { path: address, inFlight, retransmit, ...rest } = saved;
      const transmission = this.add(chunk, saved.sequence);
      const path = address === undefined ? undefined : paths.get(address);
      Object.assign(transmission, rest, { path });
      if (transmission.gapAcked) this.#gapAcked += 1;
      this.#setRetransmit(transmission, retransmit);
      if (inFlight && path !== undefined) this.#enterFlight(transmission, path);
    }
  }
}
