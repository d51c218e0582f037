import type { RandomSource } from "../../agents/sctp/index.ts";

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
}

/** A network on virtual time: jitter reorders, and links can be cut. One seed gives one behaviour. */
export class Network {
  readonly #random: RandomSource;
  readonly #underway: { readonly atMs: number; readonly order: number; readonly datagram: Datagram }[] = [];
  readonly #cut: Set<string> = new Set<string>();
  #order: number = 0;
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

  send(datagram: Datagram, nowMs: number): void {
    if (this.#cut.has(datagram.from)) return;
    this.log.push({ atMs: nowMs, datagram });
    const copies = this.#chance(this.faults.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#chance(this.faults.loss)) continue;
      const jitterMs = (this.#random.uint32() / 0x1_0000_0000) * this.faults.jitterMs;
      const bytes = this.#chance(this.faults.corruption) ? this.#corrupted(datagram.bytes) : datagram.bytes;
      this.#underway.push({
        atMs: nowMs + this.faults.latencyMs + jitterMs,
        order: this.#order++,
        datagram: { ...datagram, bytes },
      });
    }
  }

  #corrupted(bytes: Uint8Array): Uint8Array {
    const copy = bytes.slice();
    const at = this.#random.uint32() % copy.length;
    copy[at] = (copy[at] ?? 0) ^ (1 << (this.#random.uint32() % 8));
    return copy;
  }

  nextMs(): number | undefined {
    let next: number | undefined;
    for (const each of this.#underway) if (next === undefined || each.atMs < next) next = each.atMs;
    return next;
  }

  /** The datagrams that have arrived by `nowMs`, in order of arrival. */
  arrived(nowMs: number): Datagram[] {
    const due = this.#underway.filter((each) => each.atMs <= nowMs);
    due.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    for (const each of due) this.#underway.splice(this.#underway.indexOf(each), 1);
    return due.map((each) => each.datagram).filter((datagram) => !this.#cut.has(datagram.to));
  }
}
