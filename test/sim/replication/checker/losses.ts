import type { PacketOnWire } from "../../sctp/checker/packet-reader.ts";
import { steps } from "../../sctp/checker/violation.ts";
import type { HistoryEvent, NumberedMessage } from "./history.ts";
import { readNumbered } from "./test-message.ts";

export type Missing = Pick<NumberedMessage, "flow" | "streamId" | "number">;
type Direction = "inbound" | "outbound";
type Event<Kind extends HistoryEvent["kind"]> = Extract<HistoryEvent, { kind: Kind }>;

/** What became of messages that never reached their receiver. */
export interface Accounts {
  /** One of their TSNs lies in a reported range. */
  reported: number;
  /** They were never on the wire, and the user was told that they are given up. */
  givenUp: number;
  /** Their numbers were never given to a message that was sent: nothing is lost. */
  skipped: number;
  readonly unexplained: Missing[];
}

const keyOf = ({ flow, streamId, number }: Missing): string => `${flow} ${streamId} ${number}`;

/** The DATA chunks of one direction: which TSNs a message had. */
class Chunks {
  /** By TSN: whether the message ends there. */
  readonly #ends: Map<number, boolean> = new Map<number, boolean>();
  readonly #firstTsns: Map<string, Set<number>> = new Map<string, Set<number>>();

  sees({ chunks }: PacketOnWire, bytes: Uint8Array): void {
    for (const chunk of chunks) {
      if (chunk.kind !== "data" || this.#ends.has(chunk.tsn)) continue;
      const { payloadOffset, payloadBytes } = chunk;
      const payload = bytes.subarray(payloadOffset, payloadOffset + payloadBytes);
      const head = chunk.beginning ? readNumbered(payload) : undefined;
      // A probe has no message.
      if (chunk.beginning && head === undefined) continue;
      this.#ends.set(chunk.tsn, chunk.ending);
      if (head === undefined) continue;
      const known = this.#firstTsns.get(keyOf(head));
      if (known === undefined) this.#firstTsns.set(keyOf(head), new Set([chunk.tsn]));
      else known.add(chunk.tsn);
    }
  }

  /**
   * First and last TSN with which a message was sent. Where its end was never sent, the TSN of the fragment that
   * would have been next belongs to it.
   */
  spansOf(key: string): (readonly [number, number])[] {
    return [...(this.#firstTsns.get(key) ?? [])].map((firstTsn) => {
      let tsn = firstTsn;
      while (this.#ends.get(tsn) === false) tsn = (tsn + 1) >>> 0;
      return [firstTsn, tsn];
    });
  }
}

/** Says of each message that is missing at its receiver whether anybody was told, from the wire and from what was reported. */
export class Losses {
  readonly #chunks: Record<Direction, Chunks> = { inbound: new Chunks(), outbound: new Chunks() };
  readonly #reports: Event<"cluster-reports-loss">[] = [];
  readonly #skips: Event<"cluster-skips">[] = [];
  readonly #givenUp: Set<string> = new Set<string>();
  /** Rests of messages, by stream: what they belong to cannot be seen. */
  readonly #restsGivenUp: Map<number, number> = new Map<number, number>();

  sees(direction: Direction, packet: PacketOnWire, bytes: Uint8Array): void {
    this.#chunks[direction].sees(packet, bytes);
  }

  reports(event: Event<"cluster-reports-loss">): void {
    this.#reports.push(event);
  }

  skips(event: Event<"cluster-skips">): void {
    this.#skips.push(event);
  }

  givesUp({ streamId, payload }: Event<"cluster-gives-up">): void {
    const head = readNumbered(payload);
    if (head !== undefined) this.#givenUp.add(keyOf(head));
    else this.#restsGivenUp.set(streamId, (this.#restsGivenUp.get(streamId) ?? 0) + 1);
  }

  /** `streams`: over how many the flow of the cluster goes. */
  accountFor(missing: readonly Missing[], streams: number): Accounts {
    const accounts: Accounts = { reported: 0, givenUp: 0, skipped: 0, unexplained: [] };
    const rests = new Map(this.#restsGivenUp);
    for (const message of missing) {
      const direction = message.flow === "down" ? "outbound" : "inbound";
      const spans = this.#chunks[direction].spansOf(keyOf(message));
      if (spans.some((span) => this.#isReported(direction, span))) accounts.reported += 1;
      else if (spans.length > 0) accounts.unexplained.push(message);
      else if (this.#givenUp.has(keyOf(message))) accounts.givenUp += 1;
      else if (this.#isSkipped(message, streams)) accounts.skipped += 1;
      else if (direction === "outbound" && (rests.get(message.streamId) ?? 0) > 0) {
        rests.set(message.streamId, (rests.get(message.streamId) ?? 0) - 1);
        accounts.givenUp += 1;
      } else accounts.unexplained.push(message);
    }
    return accounts;
  }

  #isReported(direction: Direction, [first, last]: readonly [number, number]): boolean {
    return this.#reports.some(
      (report) =>
        report.direction === direction &&
        steps(report.firstTsn, last) >= 0 &&
        steps(first, report.lastTsn) >= 0,
    );
  }

  #isSkipped({ flow, streamId, number }: Missing, streams: number): boolean {
    const index = number * streams + streamId;
    return this.#skips.some(
      (range) => range.flow === flow && index >= range.firstIndex && index <= range.lastIndex,
    );
  }
}
