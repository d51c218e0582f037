import type { PathSizes } from "../port.ts";
import { hold, steps } from "./violation.ts";

/** The largest window that can be advertised: where ssthresh begins (RFC 9260 section 7.2.1). */
const highestThresholdBytes = 0xffff_ffff;

/**
 * Where the source address changes, the congestion control parameters "MUST be reset to their initial values"
 * (RFC 9260 section 7.2.5.2; over IPv4 here), ssthresh too, which tells that from a window that was halved. The
 * packet that shows the change may have a SACK: slow start adds what that acknowledges, but no more than "L times
 * the destination's PMDCS", L being 1 (section 7.2.1).
 */
function beginsAnew({ windowBytes, slowStartThresholdBytes, packetSizeBytes }: PathSizes): boolean {
  const largestChunkBytes = packetSizeBytes - 12;
  const initialBytes = Math.min(4 * largestChunkBytes, Math.max(2 * largestChunkBytes, 4404));
  const addedBytes = windowBytes - initialBytes;
  return (
    slowStartThresholdBytes >= highestThresholdBytes && addedBytes >= 0 && addedBytes <= largestChunkBytes
  );
}

/** Explicit congestion notification for the data of one direction of an association (RFC 4960 appendix A). */
export class CongestionEcho {
  readonly #name: string;
  /** First TSN of the first marked packet for which no CWR has come back. */
  #marked: number | undefined;
  /** Highest TSN that was sent when the sender last heard of congestion. */
  #reducedUpTo: number | undefined;
  /** The TSN of the last ECNE, as long as the sender has not answered it. */
  #unanswered: number | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** A marked packet whose first data has this TSN has reached the receiver. */
  markArrived(tsn: number): void {
    this.#marked ??= tsn;
  }

  /** CWR has reached the receiver. */
  cwrArrived(tsn: number): void {
    if (this.#marked !== undefined && steps(this.#marked, tsn) >= 0) this.#marked = undefined;
  }

  /** The receiver sends SACKs in one call, with these ECNEs. */
  sackSent(echoes: readonly number[]): void {
    hold(
      this.#marked === undefined || echoes.includes(this.#marked),
      "ECNE comes with each SACK until CWR (RFC 4960 appendix A)",
      () => `${this.#name}: ${this.#marked} was marked`,
    );
  }

  echoSent(tsn: number): void {
    hold(tsn === this.#marked, "ECNE says what was marked", () => {
      return `${this.#name}: ECNE ${tsn}, marked is ${this.#marked}`;
    });
  }

  cwrSent(tsn: number): void {
    if (tsn === this.#unanswered) this.#unanswered = undefined;
  }

  /**
   * ECNE has reached the sender, whose windows were and are of these sizes. `growthBytes`: what the packet
   * may have added otherwise; `nextTsn`: the TSN that the sender uses next.
   */
  echoArrived(
    tsn: number,
    nextTsn: number | undefined,
    before: ReadonlyMap<string, PathSizes>,
    after: ReadonlyMap<string, PathSizes>,
    mayShrink: boolean,
  ): void {
    if (nextTsn === undefined || steps(tsn, nextTsn) <= 0) return;
    hold(this.#unanswered === undefined, "ECNE is answered by CWR (RFC 4960 appendix A)", () => {
      return `${this.#name}: ECNE ${this.#unanswered}`;
    });
    this.#unanswered = tsn;
    const isNew = this.#reducedUpTo === undefined || steps(this.#reducedUpTo, tsn) > 0;
    const sizes = [...before].map(([address, was]) => ({ was, is: after.get(address) ?? was }));
    const text = (): string =>
      `${this.#name}: ECNE ${tsn}, windows ${sizes.map(({ was, is }) => `${was.windowBytes} to ${is.windowBytes}`).join(", ")}`;
    if (isNew) {
      this.#reducedUpTo = (nextTsn - 1) >>> 0;
      const halved = sizes.some(({ was, is }) => {
        const { packetSizeBytes } = is;
        // The packet may acknowledge data, too, in front of ECNE and behind it.
        const grownBytes = was.windowBytes + packetSizeBytes;
        return is.windowBytes <= Math.max(grownBytes / 2, 4 * packetSizeBytes) + packetSizeBytes;
      });
      hold(halved, "ECNE halves the congestion window (RFC 4960 appendix A)", text);
      return;
    }
    const shrinks = sizes.some(({ was, is }) => {
      return is.windowBytes < was.windowBytes && !beginsAnew(is);
    });
    hold(mayShrink || !shrinks, "ECNE halves the window once a round trip (RFC 4960 appendix A)", text);
  }

  /** TSNs begin again elsewhere, and the receiver knows it. */
  resetReceiver(): void {
    this.#marked = undefined;
  }

  resetSender(): void {
    this.#reducedUpTo = undefined;
    this.#unanswered = undefined;
  }
}
