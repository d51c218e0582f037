import type {
  PacketTransport,
  SendPacket,
  TransportCounters,
  TransportHandlers,
} from "../../../agents/host/packet-transport.ts";
import { newTransportCounters } from "../../../agents/host/packet-transport.ts";
import type { RandomSource } from "../../../agents/sctp/index.ts";
import { seededRandom } from "../../../agents/sctp/index.ts";

const ours = "127.0.0.1";
const theirs = "127.0.0.1";

/**
 * A link inside the process, which loses, repeats and reorders by a seed: our side is a PacketTransport, the
 * other side is what a stack without addresses wants, a way to send and a way to be called.
 */
export class MemoryLink implements PacketTransport {
  readonly counters: TransportCounters = newTransportCounters();
  readonly gathers: boolean = false;
  faults: { loss: number; duplication: number; holding: number } = { loss: 0, duplication: 0, holding: 0 };
  /** Called with what we send. */
  onOther: (bytes: Uint8Array) => void = () => undefined;
  readonly #random: RandomSource;
  #handlers: TransportHandlers | undefined;
  #closed: boolean = false;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers;
  }

  has(localAddress: string): boolean {
    return localAddress === ours;
  }

  send(packets: readonly SendPacket[]): void {
    for (const { bytes } of packets) this.#pass(() => this.onOther(bytes));
  }

  /** What the other side sends. */
  fromOther(bytes: Uint8Array): void {
    const own = new Uint8Array(bytes);
    const packet = { bytes: own, route: { local: ours, remote: theirs } };
    this.#pass(() => this.#handlers?.onPackets([packet]));
  }

  close(): void {
    this.#closed = true;
  }

  #chance(probability: number): boolean {
    return probability > 0 && this.#random.uint32() / 0x1_0000_0000 < probability;
  }

  /** Never in the turn in which it was sent. */
  #pass(deliver: () => void): void {
    const arrive = (): void => {
      if (!this.#closed) deliver();
    };
    if (this.#chance(this.faults.loss)) return;
    const copies = this.#chance(this.faults.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#chance(this.faults.holding)) setTimeout(arrive, 1 + (this.#random.uint32() % 4));
      else setImmediate(arrive);
    }
  }
}
