import type { Tsn } from "../base/serial.ts";

const maxDuplicatesReported = 32;
const none: readonly Tsn[] = [];

/** Snapshot shape of the scheduler. */
export interface SackSchedulerState {
  readonly packetsWaiting: number;
  readonly due: boolean;
  readonly begun: boolean;
  readonly duplicates: readonly Tsn[];
}

/** When a SACK is due (RFC 9260 section 6.2), and the duplicates that it reports. */
export class SackScheduler {
  #frequency: number;
  #packetsWaiting: number = 0;
  #due: boolean = false;
  /** The first DATA of an association is acknowledged without delay (section 5.1). */
  #begun: boolean = false;
  /** Undefined, which is nearly always so, costs nothing for each SACK. */
  #duplicates: Tsn[] | undefined;

  constructor(frequency: number) {
    this.#frequency = frequency;
  }

  /** Packets with DATA that may go unacknowledged; 1: each one is acknowledged at once. */
  setFrequency(frequency: number): void {
    this.#frequency = frequency;
  }

  /** A packet with DATA came; `atOnce` when a gap, a duplicate or the I bit asks for an immediate SACK. */
  packetReceived(atOnce: boolean): void {
    this.#packetsWaiting += 1;
    if (atOnce || !this.#begun || this.#packetsWaiting >= this.#frequency) this.#due = true;
  }

  duplicateReceived(tsn: Tsn): void {
    this.#duplicates ??= [];
    if (this.#duplicates.length < maxDuplicatesReported) this.#duplicates.push(tsn);
  }

  get hasDuplicates(): boolean {
    return this.#duplicates !== undefined;
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
    const duplicates = this.#duplicates ?? none;
    this.#packetsWaiting = 0;
    this.#due = false;
    this.#begun = true;
    this.#duplicates = undefined;
    return duplicates;
  }

  snapshot(): SackSchedulerState {
    return {
      packetsWaiting: this.#packetsWaiting,
      due: this.#due,
      begun: this.#begun,
      duplicates: [...(this.#duplicates ?? none)],
    };
  }

  restore(state: SackSchedulerState): void {
    this.#packetsWaiting = state.packetsWaiting;
    this.#due = state.due;
    this.#begun = state.begun;
    this.#duplicates = state.duplicates.length === 0 ? undefined : [...state.duplicates];
  }
}
