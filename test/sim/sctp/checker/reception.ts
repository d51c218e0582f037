import type { SackOnWire } from "./packet-reader.ts";
import { hold, steps } from "./violation.ts";

/** RFC 6525 section 5.2.4: after an SSN/TSN reset TSNs go on 2^31 away; from no sender does one give up half as many. */
const otherNumbering = 2 ** 30;

/** What has reached the receiver of one direction of an association, and what it may say about that. */
export class Reception {
  readonly #name: string;
  readonly #arrived: Set<number> = new Set<number>();
  readonly #arrivedTwice: Set<number> = new Set<number>();
  #arrivedInSequence: number | undefined;
  #lastSacked: number | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** The first TSN that was ever sent is the first that can arrive. */
  expect(firstTsn: number): void {
    this.#arrivedInSequence ??= (firstTsn - 1) >>> 0;
  }

  /** The last TSN of what arrived without a gap. */
  get inSequence(): number | undefined {
    return this.#arrivedInSequence;
  }

  /** Everything begins again with this TSN (RFC 6525 section 5.2.4). */
  resetTsn(tsn: number): void {
    this.#arrived.clear();
    this.#arrivedTwice.clear();
    this.#arrivedInSequence = (tsn - 1) >>> 0;
    this.#lastSacked = this.#arrivedInSequence;
  }

  /** The answer to an SSN/TSN reset says that this TSN comes next; it and more may have come before the answer. */
  goOnWith(tsn: number): void {
    const isAhead = this.#arrivedInSequence !== undefined && steps(tsn, this.#arrivedInSequence) >= 0;
    if (!isAhead && this.#arrived.size === 0) this.resetTsn(tsn);
  }

  /** A FORWARD TSN has reached the receiver: what is missing up to there does not come any more. */
  forwardArrived(cumulativeTsn: number): void {
    const arrived = this.#arrivedInSequence;
    if (arrived === undefined || steps(arrived, cumulativeTsn) <= 0) return;
    // It left before the reset of which its receiver knows.
    if (steps(arrived, cumulativeTsn) >= otherNumbering) return;
    for (let tsn = (arrived + 1) >>> 0; steps(tsn, cumulativeTsn) >= 0; tsn = (tsn + 1) >>> 0)
      this.#arrived.add(tsn);
    this.#advance();
  }

  /** A DATA chunk has reached the receiver. */
  dataArrived(tsn: number): void {
    if (this.#isIn(tsn)) {
      this.#arrivedTwice.add(tsn);
      return;
    }
    this.#arrived.add(tsn);
    this.#advance();
  }

  #advance(): void {
    if (this.#arrivedInSequence === undefined) return;
    let next = (this.#arrivedInSequence + 1) >>> 0;
    while (this.#arrived.delete(next)) {
      this.#arrivedInSequence = next;
      next = (next + 1) >>> 0;
    }
  }

  #isIn(tsn: number): boolean {
    return (
      this.#arrived.has(tsn) ||
      (this.#arrivedInSequence !== undefined && steps(this.#arrivedInSequence, tsn) <= 0)
    );
  }

  /** The receiver acknowledges; `sack` is undefined for a SHUTDOWN. */
  sackSent(cumulativeTsn: number, sack: SackOnWire | undefined): void {
    if (this.#arrivedInSequence === undefined) return;
    const arrived = this.#arrivedInSequence;
    const detail = (): string =>
      `${this.#name}: SACK ${cumulativeTsn}, arrived in sequence ${arrived}, before ${this.#lastSacked}`;
    hold(steps(arrived, cumulativeTsn) <= 0, "a SACK acknowledges only what arrived", detail);
    hold(
      this.#lastSacked === undefined || steps(this.#lastSacked, cumulativeTsn) >= 0,
      "the cumulative TSN never goes back",
      detail,
    );
    this.#lastSacked = cumulativeTsn;
    for (const [start, end] of sack?.gaps ?? []) {
      for (let offset = start; offset <= end; offset++) {
        hold(this.#isIn((cumulativeTsn + offset) >>> 0), "gap blocks name only what arrived", detail);
      }
    }
    for (const tsn of sack?.duplicates ?? []) {
      hold(
        this.#arrivedTwice.has(tsn),
        "duplicates are what arrived twice",
        () => `${detail()}, duplicate ${tsn}`,
      );
    }
  }
}
