/** Longer than the largest packet in hex, and than any request. */
const maxLineBytes = 1024 * 1024;

const newline = 10;

/** A line of the input, or what takes its place where it is too long to be kept. */
export type Line = { readonly text: string } | { readonly tooLong: true };

/** Cuts a byte stream into lines; no more than one line of the largest length is ever held. */
export async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let pieces: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of input) {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      yield toLine([...pieces, chunk.subarray(from, end)], heldBytes + end - from);
      pieces = [];
      heldBytes = 0;
      from = end + 1;
    }
    heldBytes += chunk.length - from;
    if (heldBytes <= maxLineBytes) pieces.push(chunk.subarray(from));
    else pieces = [];
  }
  if (heldBytes > 0) yield toLine(pieces, heldBytes);
}

const toLine = (pieces: readonly Uint8Array[], lengthBytes: number): Line =>
  lengthBytes > maxLineBytes ? { tooLong: true } : { text: Buffer.concat(pieces).toString("utf8") };
