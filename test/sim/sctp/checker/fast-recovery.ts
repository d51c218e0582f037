import type { SackOnWire } from "./packet-reader.ts";
import { steps } from "./violation.ts";

/** A DATA chunk that the sender does not yet know to be acknowledged cumulatively. */
export interface Outstanding {
  readonly payloadBytes: number;
  readonly chunkBytes: number;
  to: string;
  sentAtMs: number;
  gapAcked: boolean;
  /** Why it does not count as in flight: three reports that it is missing, or T3. */
  lost: "missing" | "t3" | "abandoned" | undefined;
  /** It was sent so late that another time-out than the one that was seen may have hit it. */
  unsure: boolean;
  /** The receiver has its address no longer. */
  gone: boolean;
  /** Reports that it is missing since it was last sent. */
  strikes: number;
  /** Three reports were counted once: a second time does not count (section 7.2.4, rule 5). */
  wasMissing: boolean;
  /** It was sent though the receiver had no room for it (section 6.1 A). */
  readonly probe: boolean;
}

/**
 * What the SACKs of one transfer say is missing, and whether its sender is in Fast Recovery, of which there is
 * one for all addresses (RFC 9260 section 7.2.4).
 */
export class FastRecovery {
  /** In the order of their TSNs. */
  readonly #outstanding: ReadonlyMap<number, Outstanding>;
  readonly #rtoMinMs: number;
  /** It lasts until this TSN is acknowledged. */
  #exit: number | undefined;
  /** It has just begun: the first packet of what is marked does not look at the congestion window (rule 3). */
  #begins: boolean = false;
  /**
   * T3 may have expired without DATA that shows it, where there are several addresses, or where messages are given
   * up: then Fast Recovery may have ended, and what counts as missing is not known exactly, until nothing is
   * outstanding any more.
   */
  #isExact: boolean = true;

  constructor(outstanding: ReadonlyMap<number, Outstanding>, rtoMinMs: number) {
    this.#outstanding = outstanding;
    this.#rtoMinMs = rtoMinMs;
  }

  /**
   * Notes whether T3 may have expired by now and not be seen: that of one of several addresses, or one that ran for
   * what is given up. Then it brings nothing back but FORWARD TSN, for which "the sender MUST assure that at least
   * one T3-rtx timer is running" (RFC 3758 section 3.5, C5; A5 says the same of its expiry).
   */
  noteTimers(atMs: number, addresses: number): void {
    if (this.#outstanding.size === 0) this.#isExact = true;
    if (!this.#isExact) return;
    for (const { lost, gapAcked, sentAtMs } of this.#outstanding.values()) {
      const isHidden = lost === "abandoned" || (lost === undefined && addresses > 1);
      if (!isHidden || gapAcked || atMs - sentAtMs + 1e-6 < this.#rtoMinMs) continue;
      this.#isExact = false;
      return;
    }
  }

  /** Answers whether the next packet of what is marked does not look at the congestion window; none after it does so. */
  takeFreePacket(): boolean {
    const free = this.#begins || (!this.#isExact && this.#isMissingSome());
    this.#begins = false;
    return free;
  }

  #isMissingSome(): boolean {
    for (const { lost } of this.#outstanding.values()) if (lost === "missing") return true;
    return false;
  }

  acknowledged(cumulativeTsn: number): void {
    if (this.#exit !== undefined && steps(this.#exit, cumulativeTsn) >= 0) this.end();
  }

  /** Also by T3. */
  end(): void {
    this.#exit = undefined;
    this.#begins = false;
  }

  /**
   * Counts what a SACK reports as missing, after all that it acknowledges was taken in: what lies below the
   * highest TSN newly acknowledged (`newest`); in Fast Recovery, with progress of the cumulative TSN, all that is
   * left out. Answers the chunks that three reports have found lost.
   */
  count(
    { cumulativeTsn, gaps }: SackOnWire,
    newest: number | undefined,
    progress: boolean,
    nextTsn: number,
  ): readonly Outstanding[] {
    const recovering = this.#exit !== undefined;
    const all = (recovering || !this.#isExact) && progress;
    const limit = all ? (gaps.at(-1)?.[1] ?? 0) : newest === undefined ? 0 : steps(cumulativeTsn, newest);
    const found: Outstanding[] = [];
    let lossy = false;
    for (const [tsn, chunk] of this.#outstanding) {
      if (steps(cumulativeTsn, tsn) >= limit) break;
      const isAbandoned = chunk.lost === "abandoned";
      if (chunk.gapAcked || (chunk.lost !== undefined && !isAbandoned)) continue;
      chunk.strikes += 1;
      if (chunk.strikes < 3 || (chunk.wasMissing && this.#isExact)) continue;
      chunk.wasMissing = true;
      // What was given up is not sent again, but its loss counts (RFC 3758 section 3.5, F5) where its address is left.
      lossy ||= !isAbandoned || !chunk.gone;
      if (!isAbandoned) found.push(chunk);
    }
    if (lossy && !recovering) {
      this.#exit = (nextTsn - 1) >>> 0;
      this.#begins = true;
    }
    return found;
  }
}
