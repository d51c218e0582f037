/** Thrown by `ByteReader` when the bytes end too early or break a bound; the caller turns it into a value. */
export class EncodingFlaw extends Error {}

/** Writes numbers (big-endian), text and bytes one after the other. */
export class ByteWriter {
  #bytes: Uint8Array;
  /** Where the first byte was written. */
  #start: number;
  #at: number;

  /** `room`: where to write, from `start` on, or the bytes that are expected. What does not fit there moves to a larger place. */
  constructor(room: Uint8Array | number = 64, start: number = 0) {
    this.#bytes = typeof room === "number" ? new Uint8Array(room) : room;
    this.#start = start;
    this.#at = start;
  }

  /** Makes room for so many bytes; answers where they go. */
  #grow(more: number): number {
    if (this.#at + more > this.#bytes.length) this.#move(more);
    const at = this.#at;
    this.#at += more;
    return at;
  }

  #move(more: number): void {
    const written = this.finish();
    this.#bytes = new Uint8Array(Math.max(written.length * 2, written.length + more));
    this.#bytes.set(written);
    this.#start = 0;
    this.#at = written.length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#bytes[at] = value >>> 24;
    this.#bytes[at + 1] = value >>> 16;
    this.#bytes[at + 2] = value >>> 8;
    this.#bytes[at + 3] = value;
    return this;
  }

  f64(value: number): this {
    const at = this.#grow(8);
    const { buffer, byteOffset } = this.#bytes;
    new DataView(buffer, byteOffset).setFloat64(at, value);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.u32(value.length);
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** ASCII text, as addresses and names are. */
  text(value: string): this {
    this.u32(value.length);
    for (let index = 0; index < value.length; index++) this.u8(value.charCodeAt(index));
    return this;
  }

  list<T>(values: readonly T[], write: (value: T) => void): this {
    this.u32(values.length);
    for (const value of values) write(value);
    return this;
  }

  /** What `write` writes, behind its length as a number of 32 bits, which is answered too. */
  prefixed(write: (writer: this) => void): number {
    const at = this.#grow(4) - this.#start;
    write(this);
    const length = this.#at - this.#start - at - 4;
    const end = this.#at;
    this.#at = this.#start + at;
    this.u32(length);
    this.#at = end;
    return length;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#at);
  }
}

/** Reads back what `ByteWriter` wrote; every length is checked against what is left. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  #take(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw new EncodingFlaw("the bytes end too early");
    this.#at += length;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  bytes(): Uint8Array {
    return this.view().slice();
  }

  /** The same without a copy: good as long as the bytes that are read are. */
  view(): Uint8Array {
    const length = this.u32();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  text(): string {
    return String.fromCharCode(...this.view().subarray(0, 1024));
  }

  list<T>(read: () => T): T[] {
    const count = this.u32();
    // Every element takes at least a byte, so a longer list cannot be real.
    if (count > this.#bytes.length - this.#at) throw new EncodingFlaw("a list is longer than the bytes");
    const values: T[] = [];
    for (let place = 0; place < count; place++) values.push(read());
    return values;
  }

  /** One of the names, written as its index. */
  oneOf<T extends string>(names: readonly T[]): T {
    const name = names[this.u8()];
    if (name === undefined) throw new EncodingFlaw("an unknown name");
    return name;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new EncodingFlaw("bytes are left over");
  }
}
