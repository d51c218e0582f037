import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import type { RandomSource } from "../../../agents/sctp/index.ts";
import { seededRandom } from "../../../agents/sctp/index.ts";

/** Probabilities from 0 to 1. */
export interface RelayFaults {
  readonly loss: number;
  readonly duplication: number;
  /** A packet that is held back goes behind those of the next milliseconds. */
  readonly holding: number;
}

const noFaults: RelayFaults = { loss: 0, duplication: 0, holding: 0 };
const longestHoldMs = 4;
const maxTracedPackets = 20_000;
/** SCTP packets without anything around them. */
const linkTypeSctp = 248;
const loopback = "127.0.0.1";

/** A packet that went by, in the order in which it did. */
interface Passed {
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

/** Two UDP ports on loopback with a network between them that loses, repeats and reorders by a seed. */
export class Relay {
  faults: RelayFaults;
  /** The last packets, for a trace where a test fails. */
  readonly #passed: Passed[] = [];
  readonly #sockets: { readonly a: Socket; readonly b: Socket };
  readonly #random: RandomSource;
  readonly #ends: { a: number; b: number };
  #closed: boolean = false;
  #lastAtMs: number = 0;

  private constructor(sockets: { a: Socket; b: Socket }, ends: { a: number; b: number }, seed: number) {
    this.#sockets = sockets;
    this.#ends = ends;
    this.#random = seededRandom(seed);
    this.faults = noFaults;
    for (const side of ["a", "b"] as const) {
      sockets[side].on("message", (bytes) => this.#pass(side, bytes));
      // An end that is gone answers with ICMP.
      sockets[side].on("error", () => undefined);
    }
  }

  /** `ends`: the UDP ports of the two ends; what `a` sends to `portForA` goes to `b`. */
  static async open(ends: { readonly a: number; readonly b: number }, seed: number): Promise<Relay> {
    const open = async (): Promise<Socket> => {
      const socket = createSocket({ type: "udp4", recvBufferSize: 2 ** 21, sendBufferSize: 2 ** 21 });
      socket.bind(0, loopback);
      await once(socket, "listening");
      return socket;
    };
    return new Relay({ a: await open(), b: await open() }, { ...ends }, seed);
  }

  get portForA(): number {
    return this.#sockets.a.address().port;
  }

  get portForB(): number {
    return this.#sockets.b.address().port;
  }

  #chance(probability: number): boolean {
    return probability > 0 && this.#random.uint32() / 0x1_0000_0000 < probability;
  }

  #pass(from: "a" | "b", bytes: Uint8Array): void {
    if (this.#chance(this.faults.loss)) return;
    const copies = this.#chance(this.faults.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#chance(this.faults.holding)) {
        setTimeout(() => this.#forward(from, bytes), 1 + (this.#random.uint32() % longestHoldMs));
      } else this.#forward(from, bytes);
    }
  }

  #forward(from: "a" | "b", bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#lastAtMs = performance.now();
    this.#passed.push({ atMs: this.#lastAtMs, bytes });
    if (this.#passed.length > maxTracedPackets) this.#passed.splice(0, maxTracedPackets / 2);
    const to = from === "a" ? "b" : "a";
    this.#sockets[to].send(bytes, this.#ends[to], loopback, () => undefined);
  }

  /** Resolves when nothing went by for a while: all is acknowledged, and no delayed SACK is due. */
  async quiet(forMs: number = 300): Promise<void> {
    while (performance.now() - this.#lastAtMs < forMs) {
      await new Promise((resolve) => setTimeout(resolve, forMs / 4));
    }
  }

  /** The last packets that went by as a pcap file. */
  trace(): Uint8Array {
    const header = Buffer.alloc(24);
    header.writeUInt32LE(0xa1b2c3d4, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(65_535, 16);
    header.writeUInt32LE(linkTypeSctp, 20);
    const records = this.#passed.flatMap(({ atMs, bytes }) => {
      const record = Buffer.alloc(16);
      record.writeUInt32LE(Math.floor(atMs / 1000), 0);
      record.writeUInt32LE(Math.floor((atMs % 1000) * 1000), 4);
      record.writeUInt32LE(bytes.length, 8);
      record.writeUInt32LE(bytes.length, 12);
      return [record, bytes];
    });
    return Buffer.concat([header, ...records]);
  }

  close(): void {
    this.#closed = true;
    this.#sockets.a.close();
    this.#sockets.b.close();
  }
}

/** A UDP port that was free a moment ago. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0);
  await once(socket, "listening");
  const { port } = socket.address();
  const closed = once(socket, "close");
  socket.close();
  await closed;
  return port;
}
