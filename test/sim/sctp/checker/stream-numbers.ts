import type { DataOnWire } from "./packet-reader.ts";
import { hold, steps } from "./violation.ts";

/** Message numbers of the streams on which one side sends: SSNs, or MIDs with I-DATA (RFC 8260). */
export class StreamNumbers {
  readonly #name: string;
  /** They begin somewhere, because the simulation puts them near their wrap. */
  readonly #beginAnywhere: boolean;
  readonly #next: Map<string, number> = new Map<string, number>();
  readonly #wereReset: Set<string> = new Set<string>();
  #allWereReset: boolean = false;
  #count: number;
  /** Streams of a reset that is not answered yet; undefined: none. */
  #quiet: { readonly streams: readonly number[]; readonly lastTsn: number } | undefined;

  constructor(name: string, count: number, beginAnywhere: boolean) {
    this.#name = name;
    this.#count = count;
    this.#beginAnywhere = beginAnywhere;
  }

  /** A chunk is sent for the first time. */
  sent(chunk: DataOnWire, hasGivenUp: boolean): void {
    const { streamId, unordered, interleaved, messageNumber, beginning, tsn } = chunk;
    const text = (): string => `${this.#name}: TSN ${tsn} on stream ${streamId}, number ${messageNumber}`;
    hold(streamId < this.#count, "data goes only on streams that there are", () => {
      return `${text()} of ${this.#count} streams`;
    });
    const isQuiet =
      this.#quiet !== undefined &&
      steps(this.#quiet.lastTsn, tsn) > 0 &&
      (this.#quiet.streams.length === 0 || this.#quiet.streams.includes(streamId));
    hold(!isQuiet, "streams are quiet until their reset is answered (RFC 6525 section 5.1.2, A1)", text);
    if (unordered && !interleaved) return;
    const counter = `${streamId} ${unordered ? "u" : "o"}`;
    const expected = this.#next.get(counter) ?? this.#first(counter);
    const ring = interleaved ? 0xffff_ffff : 0xffff;
    if (beginning) {
      const skipped = expected === undefined ? 0 : (messageNumber - expected) & ring;
      hold(
        skipped === 0 || (hasGivenUp && skipped < 1000),
        "messages of a stream are numbered one by one, from 0 after a reset",
        () => `${text()}, expected ${expected}`,
      );
    }
    this.#next.set(counter, (beginning ? messageNumber + 1 : (expected ?? messageNumber + 1)) & ring);
  }

  #first(counter: string): number | undefined {
    const anywhere = this.#beginAnywhere && !this.#allWereReset && !this.#wereReset.has(counter);
    return anywhere ? undefined : 0;
  }

  /** A reset of these streams is asked for, all where none is listed: nothing is sent on them behind `lastTsn` meanwhile. */
  asked(streams: readonly number[], lastTsn: number): void {
    this.#quiet = { streams, lastTsn };
  }

  answered(): void {
    this.#quiet = undefined;
  }

  /** These streams begin again with 0, all where none is listed. */
  reset(streams: readonly number[]): void {
    if (streams.length === 0) {
      this.#next.clear();
      this.#allWereReset = true;
      return;
    }
    for (const streamId of streams) {
      for (const counter of [`${streamId} o`, `${streamId} u`]) {
        this.#next.delete(counter);
        this.#wereReset.add(counter);
      }
    }
  }

  added(count: number): void {
    this.#count += count;
  }
}
