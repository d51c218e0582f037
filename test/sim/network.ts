import type { RandomSource } from "../../agents/sctp/index.ts";
import { Underway } from "./underway.ts";

/** How a seeded network treats packets; probabilities from 0 to 1. */
export interface NetworkFaults {
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly loss: number;
  readonly duplication: number;
  readonly corruption: number;
}

export const quietNetwork: NetworkFaults = {
  latencyMs: 1,
  jitterMs: 0,
  loss: 0,
  duplication: 0,
  corruption: 0,
};

export interface Datagram {
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
  /** Of the member that sent it, where one did. */
  readonly epoch?: number;
}

/** A network on virtual time: jitter reorders, and links can be cut. One seed gives one behaviour. */
export class Network {
  readonly #random: RandomSource;
  readonly #underway: Underway<Datagram> = new Underway<Datagram>();
  readonly #cut: Set<string> = new Set<string>();
  faults: NetworkFaults;
  /** Everything that was put on the network, in order. */
  readonly log: { readonly atMs: number; readonly datagram: Datagram }[] = [];

  constructor(faults: NetworkFaults, random: RandomSource) {
    this.faults = faults;
    this.#random = random;
  }

  #chance(probability: number): boolean {
    return probability > 0 && this.#random.uint32() / 0x1_0000_0000 < probability;
  }

  /** Nothing goes to or from this address any more. */
  cut(address: string): void {
    this.#cut.add(address);
  }

  heal(address: string): void {
    this.#cut.delete(address);
  }

  send(datagram: Datagram, nowMs: number): void {
    if (this.#cut.has(datagram.from)) return;
    this.log.push({ atMs: nowMs, datagram });
    const copies = this.#chance(this.faults.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#chance(this.faults.loss)) continue;
      const jitterMs = (this.#random.uint32() / 0x1_0000_0000) * this.faults.jitterMs;
      const corrupt = this.#chance(this.faults.corruption);
      const arriving = corrupt ? { ...datagram, bytes: this.#corrupted(datagram.bytes) } : datagram;
      this.#underway.add(arriving, nowMs + this.faults.latencyMs + jitterMs);
    }
  }

  #corrupted(bytes: Uint8Array): Uint8Array {
    const copy = bytes.slice();
    const at = this.#random.uint32() % copy.length;
    copy[at] = (copy[at] ?? 0) ^ (1 << (this.#random.uint32() % 8));
    return copy;
  }

  nextMs(): number | undefined {
    return this.#underway.nextMs;
  }

  /** The datagrams that have arrived by `nowMs`, in order of arrival. */
  arrived(nowMs: number): Datagram[] {
    return this.#underway.takeDue(nowMs).filter((datagram) => !this.#cut.has(datagram.to));
  }
}
