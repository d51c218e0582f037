import type { Tsn } from "../base/serial.ts";

const maxDuplicatesReported = 32;

/** Snapshot shape of the scheduler. */
export interface SackSchedulerState {
  readonly packetsWaiting: number;
  readonly due: boolean;
  readonly duplicates: readonly Tsn[];
}

/** When a SACK is due (RFC 9260 section 6.2), and the duplicates that it reports. */
export class SackScheduler {
  /** Packets with DATA after which a SACK is due. */
  frequency: number;
  #packetsWaiting: number = 0;
  #due: boolean = false;
  #duplicates: Tsn[] = [];

  constructor(frequency: number) {
    this.frequency = frequency;
  }

  /** A packet with DATA came; `atOnce` when a gap, a duplicate or the I bit asks for an immediate SACK. */
  packetReceived(atOnce: boolean): void {
    this.#packetsWaiting += 1;
    if (atOnce || this.#packetsWaiting >= this.frequency) this.#due = true;
  }

  duplicateReceived(tsn: Tsn): void {
    if (this.#duplicates.length < maxDuplicatesReported) this.#duplicates.push(tsn);
  }

  makeDue(): void {
    this.#due = true;
  }

  get isDue(): boolean {
    return this.#due;
  }

  /** Something is unacknowledged: a SACK may ride along with other chunks, and the delay timer runs. */
  get isWaiting(): boolean {
    return this.#packetsWaiting > 0 || this.#due;
  }

  /** The SACK was made: hands out the duplicates and starts anew. */
  take(): readonly Tsn[] {
    const duplicates = this.#duplicates;
    this.#packetsWaiting = 0;
    this.#due = false;
    this.#duplicates = [];
    return duplicates;
  }

  snapshot(): SackSchedulerState {
    return { packetsWaiting: this.#packetsWaiting, due: this.#due, duplicates: [...this.#duplicates] };
  }

  restore(state: SackSchedulerState): void {
    this.#packetsWaiting = state.packetsWaiting;
    this.#due = state.due;
    this.#duplicates = [...state.duplicates];
  }
}
