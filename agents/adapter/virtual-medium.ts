import type { RandomSource, SocketStack } from "../sctp/index.ts";
import { assert, seededRandom } from "../sctp/index.ts";
import type { Medium, SentPacket } from "./medium.ts";

/** Where the stack's clock stands when the runner's stands at 0: an hour, so that no instant before it is odd. */
const epochMs = 3_600_000;
/** A timer that fires so often at one instant is a bug of ours. */
const maxRoundsAtOnce = 10_000;

/** Packets go to and fro in lines, and time moves only when it is told to: microseconds, whole ones. */
export class VirtualMedium implements Medium {
  readonly random: RandomSource = seededRandom(0x5c7b);
  readonly cookieKey: Uint8Array = this.random.bytes(32);
  #stack: SocketStack | undefined;
  #nowUs: number = 0;
  #sent: SentPacket[] = [];

  attach(stack: SocketStack): void {
    this.#stack = stack;
  }

  get nowUs(): number {
    return this.#nowUs;
  }

  nowMs(): number {
    return epochMs + this.#nowUs / 1000;
  }

  settle(): void {
    this.#collect();
    for (let round = 0; this.#dueUs() <= this.#nowUs; round++) {
      assert(round < maxRoundsAtOnce, "timers come to an end at one instant");
      this.#fire();
    }
  }

  /** The stack takes `hex` from the network. */
  receive(bytes: Uint8Array, src: string, dst: string): void {
    this.#stack?.receivePacket(bytes, { local: dst, remote: src }, this.nowMs());
  }

  /** Moves the clock on, timer by timer; where wanted no further than to the first packet. */
  advance(byUs: number, stopOnPacket: boolean): void {
    const endUs = this.#nowUs + byUs;
    for (let dueUs = this.#dueUs(); dueUs <= endUs; dueUs = this.#dueUs()) {
      this.#nowUs = Math.max(this.#nowUs, dueUs);
      this.settle();
      if (stopOnPacket && this.#sent.length > 0) return;
    }
    this.#nowUs = endUs;
  }

  takeSent(): readonly SentPacket[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  close(): void {
    this.#stack = undefined;
  }

  #dueUs(): number {
    const dueMs = this.#stack?.nextDeadlineMs();
    // A deadline between two microseconds is met at the second one.
    return dueMs === undefined ? Infinity : Math.ceil((dueMs - epochMs) * 1000 - 1e-3);
  }

  #fire(): void {
    const dueMs = this.#stack?.nextDeadlineMs() ?? 0;
    this.#stack?.advance(Math.max(this.nowMs(), dueMs));
    this.#collect();
  }

  #collect(): void {
    for (const { local, remote, bytes } of this.#stack?.takePackets() ?? []) {
      this.#sent.push({ t: this.#nowUs, src: local, dst: remote, hex: Buffer.from(bytes).toString("hex") });
    }
  }
}
