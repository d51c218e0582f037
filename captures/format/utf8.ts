/** UTF-8 (RFC 3629) for pure rooms, which have no TextEncoder. */

const REPLACEMENT = 0xfffd;

/** Lone surrogates become U+FFFD. */
export function utf8Encode(text: string): Uint8Array {
  // A UTF-16 unit takes three bytes at most; a pair of them takes four.
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (const character of text) {
    let point = character.codePointAt(0) ?? REPLACEMENT;
    if (point >= 0xd800 && point <= 0xdfff) point = REPLACEMENT;
    if (point < 0x80) {
      bytes[length++] = point;
      continue;
    }
    const tail = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    const lead = tail === 1 ? 0xc0 : tail === 2 ? 0xe0 : 0xf0;
    bytes[length++] = lead | (point >> (6 * tail));
    for (let shift = 6 * (tail - 1); shift >= 0; shift -= 6)
      bytes[length++] = 0x80 | ((point >> shift) & 0x3f);
  }
  return bytes.slice(0, length);
}

/** Bytes that are not UTF-8 become U+FFFD, one for each byte; never fails. */
export function utf8Decode(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const [point, used] = decodePoint(bytes, at);
    text += String.fromCodePoint(point);
    at += used;
  }
  return text;
}

/** Smallest code point that needs 1, 2 or 3 bytes after the first: a shorter form must be used below it. */
const SMALLEST = [0, 0x80, 0x800, 0x10000];

function decodePoint(bytes: Uint8Array, at: number): [point: number, used: number] {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return [lead, 1];
  const tail = lead >= 0xf8 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
  if (tail === 0 || at + tail >= bytes.length) return [REPLACEMENT, 1];
  let point = lead & (0x3f >> tail);
  for (let step = 1; step <= tail; step++) {
    const next = bytes[at + step] ?? 0;
    if ((next & 0xc0) !== 0x80) return [REPLACEMENT, 1];
    point = (point << 6) | (next & 0x3f);
  }
  const surrogate = point >= 0xd800 && point <= 0xdfff;
  if (surrogate || point > 0x10ffff || point < (SMALLEST[tail] ?? 0)) return [REPLACEMENT, 1];
  return [point, tail + 1];
}

/** The longest beginning of `bytes` within `limit` that ends at a whole character. */
export function cutUtf8(bytes: Uint8Array, limit: number): Uint8Array {
  if (bytes.length <= limit) return bytes;
  let end = limit;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
