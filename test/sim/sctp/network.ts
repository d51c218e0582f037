import type { Datagram } from "../network.ts";
import { Underway } from "../underway.ts";
import { Dice } from "./dice.ts";
import type { LinkKnobs } from "./knobs.ts";

/** What became of a packet when it was put on the network. */
export type Fate = "sent" | "lost" | "cut" | "too-big" | "queue-full" | "no-interface";

/** A datagram that has arrived; `intact` is false where bits were changed on the way. */
export interface Arrival {
  readonly datagram: Datagram;
  readonly intact: boolean;
  /** A router on the way had more to do than it could: Congestion Experienced (RFC 3168). */
  readonly marked: boolean;
}

interface Direction {
  bad: boolean;
  /** When the last byte that was queued leaves the bottleneck. */
  busyUntilMs: number;
}

/** IPv4 and UDP around SCTP. */
const headersBytes = 28;

/** A network whose directions lose, delay, duplicate, reorder and damage packets, all from one seed, on virtual time. */
export class FaultyNetwork {
  readonly #dice: Dice;
  readonly #knobs: LinkKnobs;
  readonly #markedShare: number;
  readonly #marks: Dice;
  readonly #underway: Underway<Arrival> = new Underway<Arrival>();
  readonly #directions: Map<string, Direction> = new Map<string, Direction>();
  readonly #cuts: Set<string> = new Set<string>();
  #healed: boolean = false;
  #mtuBytes: number = Infinity;
  /** Told of packets that are larger than the path MTU, where the network reports them. */
  onTooBig: (datagram: Datagram, mtuBytes: number) => void = () => undefined;

  constructor(knobs: LinkKnobs, seed: number, markedShare: number) {
    this.#knobs = knobs;
    this.#dice = new Dice(seed, "network");
    this.#markedShare = markedShare;
    this.#marks = new Dice(seed, "marks");
  }

  set mtuBytes(bytes: number) {
    this.#mtuBytes = bytes;
  }

  /** undefined stands for any address. */
  cut(from: string | undefined, to: string | undefined): void {
    this.#cuts.add(`${from ?? "*"}>${to ?? "*"}`);
  }

  heal(from: string | undefined, to: string | undefined): void {
    this.#cuts.delete(`${from ?? "*"}>${to ?? "*"}`);
  }

  /** From now on nothing is lost or damaged any more; latency and bandwidth stay. */
  healAll(): void {
    this.#healed = true;
    this.#cuts.clear();
    this.#mtuBytes = Infinity;
  }

  get nextMs(): number | undefined {
    return this.#underway.nextMs;
  }

  arrived(nowMs: number): Arrival[] {
    return this.#underway.takeDue(nowMs).filter(({ datagram }) => !this.#isCut(datagram));
  }

  send(datagram: Datagram, nowMs: number): Fate {
    if (this.#isCut(datagram)) return "cut";
    if (datagram.bytes.length + headersBytes > this.#mtuBytes) {
      if (this.#knobs.reportsTooBig) this.onTooBig(datagram, this.#mtuBytes);
      return "too-big";
    }
    const direction = this.#direction(datagram);
    if (!this.#healed && this.#loses(direction)) return "lost";
    const leavesMs = this.#leaves(datagram, direction, nowMs);
    if (leavesMs === undefined) return "queue-full";
    const copies = !this.#healed && this.#dice.chance(this.#knobs.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) this.#launch(datagram, leavesMs);
    return "sent";
  }

  /** Somebody on the way sends this, too. */
  inject(datagram: Datagram, nowMs: number): void {
    this.#underway.add({ datagram, intact: true, marked: false }, nowMs + this.#knobs.latencyMs);
  }

  #launch(datagram: Datagram, leavesMs: number): void {
    const { latencyMs, jitterMs, reordering, reorderingMs, corruption } = this.#knobs;
    let atMs = leavesMs + latencyMs + this.#dice.real(0, jitterMs);
    if (!this.#healed && this.#dice.chance(reordering)) atMs += this.#dice.real(0, reorderingMs);
    const damaged = !this.#healed && this.#dice.chance(corruption);
    const marked = this.#marks.chance(this.#markedShare);
    const arrival = damaged
      ? { datagram: { ...datagram, bytes: this.#damage(datagram.bytes) }, intact: false, marked }
      : { datagram, intact: true, marked };
    this.#underway.add(arrival, atMs);
  }

  #isCut({ from, to }: Datagram): boolean {
    if (this.#cuts.size === 0) return false;
    return (
      this.#cuts.has(`${from}>${to}`) ||
      this.#cuts.has(`${from}>*`) ||
      this.#cuts.has(`*>${to}`) ||
      this.#cuts.has("*>*")
    );
  }

  #direction({ from, to }: Datagram): Direction {
    const key = `${from}>${to}`;
    let direction = this.#directions.get(key);
    if (direction === undefined) {
      direction = { bad: false, busyUntilMs: 0 };
      this.#directions.set(key, direction);
    }
    return direction;
  }

  #loses(direction: Direction): boolean {
    const { enterBad, leaveBad, lossBad, lossGood } = this.#knobs.loss;
    if (this.#dice.chance(direction.bad ? leaveBad : enterBad)) direction.bad = !direction.bad;
    return this.#dice.chance(direction.bad ? lossBad : lossGood);
  }

  /** When the packet has left the bottleneck; undefined where the queue has no room. */
  #leaves(datagram: Datagram, direction: Direction, nowMs: number): number | undefined {
    const { bandwidthBytesPerMs, queueBytes } = this.#knobs;
    if (bandwidthBytesPerMs === 0) return nowMs;
    const waitingMs = Math.max(0, direction.busyUntilMs - nowMs);
    if (waitingMs > 0 && waitingMs * bandwidthBytesPerMs + datagram.bytes.length > queueBytes)
      return undefined;
    direction.busyUntilMs = nowMs + waitingMs + datagram.bytes.length / bandwidthBytesPerMs;
    return direction.busyUntilMs;
  }

  /** One to three bits changed: CRC32c finds that in a packet of any size. */
  #damage(bytes: Uint8Array): Uint8Array {
    const copy = bytes.slice();
    const changed = new Set<number>();
    for (let count = this.#dice.int(1, 3); count > 0; count--) {
      changed.add(this.#dice.int(0, copy.length * 8 - 1));
    }
    for (const bit of changed) copy[bit >> 3]! ^= 1 << (bit & 7);
    return copy;
  }
}
