/**
 * Numbered messages as guest/traffic.h sends and checks them, on our side: byte 0 to 3 hold the number on the
 * stream, least byte first, as far as the message is long enough; the others follow from number, stream, place.
 */
const byteAt = (number: number, stream: number, at: number): number =>
  (at < 4 ? number >>> (8 * at) : Math.imul(number, 7) + stream * 13 + at * 31 + (at >>> 8)) & 0xff;

export function numberedMessage(number: number, stream: number, sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, at) => byteAt(number, stream, at));
}

/** What arrived on the streams of one association. */
export class Tallies {
  readonly #streams: Map<number, Tally> = new Map<number, Tally>();

  add(stream: number, payload: Uint8Array): void {
    const tally = this.#streams.get(stream) ?? new Tally(stream);
    this.#streams.set(stream, tally);
    tally.add(payload);
  }

  list(): readonly Tally[] {
    return [...this.#streams.values()].toSorted((a, b) => a.stream - b.stream);
  }
}

class Tally {
  readonly stream: number;
  messages: number = 0;
  next: number = 0;
  missing: number = 0;
  late: number = 0;
  damaged: number = 0;
  bytes: number = 0;

  constructor(stream: number) {
    this.stream = stream;
  }

  add(payload: Uint8Array): void {
    const number = this.#numberOf(payload);
    this.messages += 1;
    this.bytes += payload.length;
    if (payload.some((byte, at) => byte !== byteAt(number, this.stream, at))) this.damaged += 1;
    else if (number < this.next) this.late += 1;
    else {
      this.missing += number - this.next;
      this.next = number + 1;
    }
  }

  /** Short messages show the low bytes of their number only: the next number with these is meant. */
  #numberOf(payload: Uint8Array): number {
    let number = 0;
    for (let at = 0; at < Math.min(4, payload.length); at++) number += (payload[at] ?? 0) * 2 ** (8 * at);
    if (payload.length >= 4) return number;
    const span = 2 ** (8 * payload.length);
    return this.next + ((((number - this.next) % span) + span) % span);
  }
}
