import { hex32, readU32 } from "./bytes.ts";
import type { BlockDecoder, CaptureItem } from "./items.ts";
import { createPcapDecoder, pcapDialect } from "./pcap-decoder.ts";
import { BLOCK_SECTION } from "./pcapng-codes.ts";
import { createPcapngDecoder } from "./pcapng-decoder.ts";

/** Reads a pcap or pcapng stream in pieces of any size. Holds at most one block (16 MiB) of it. */
export interface CaptureReader {
  /** What these bytes complete. After a flaw nothing more comes. */
  push(chunk: Uint8Array): CaptureItem[];
  /** The stream is over: a flaw if it ended within a block or was empty, else nothing. */
  end(): CaptureItem[];
}

const MAGIC_BYTES = 4;

function chooseDecoder(bytes: Uint8Array, start: number): BlockDecoder | string {
  const first = readU32(bytes, start, false);
  if (first === BLOCK_SECTION) return createPcapngDecoder();
  const dialect = pcapDialect(bytes, start);
  if (typeof dialect === "string") return dialect;
  if (dialect !== undefined) return createPcapDecoder(dialect.little, dialect.nanos);
  if (first >>> 16 === 0x1f8b) return "the file is compressed with gzip: unpack it first";
  return `this is neither a pcap nor a pcapng file: it begins with ${hex32(first)}`;
}

export function createCaptureReader(): CaptureReader {
  let decoder: BlockDecoder | undefined;
  let stopped = false;
  /** Where the current block begins in the stream. */
  let offset = 0;
  /** The beginning of a block whose rest has not come yet, and the bytes that are needed to go on. */
  let held = new Uint8Array(4096);
  let heldLength = 0;
  let wanted = MAGIC_BYTES;

  const fail = (reason: string, out: CaptureItem[]): void => {
    stopped = true;
    heldLength = 0;
    held = new Uint8Array(0);
    out.push({ kind: "flaw", offset, reason });
  };

  /** Decodes the block at `start`. Answers its length; 0: it is not whole yet, or the reader stopped. */
  const decodeOne = (bytes: Uint8Array, start: number, available: number, out: CaptureItem[]): number => {
    if (available < MAGIC_BYTES) {
      wanted = MAGIC_BYTES;
      return 0;
    }
    if (decoder === undefined) {
      const choice = chooseDecoder(bytes, start);
      if (typeof choice === "string") {
        fail(choice, out);
        return 0;
      }
      decoder = choice;
    }
    const length = decoder.measure(bytes, start, available);
    if (typeof length === "string") {
      fail(length, out);
      return 0;
    }
    wanted = length;
    if (length > available) return 0;
    const flaw = decoder.decode(bytes, start, length, out);
    if (flaw !== undefined) {
      fail(flaw, out);
      return 0;
    }
    offset += length;
    return length;
  };

  const hold = (bytes: Uint8Array): void => {
    const length = heldLength + bytes.length;
    if (held.length < length) {
      const larger = new Uint8Array(Math.max(length, held.length * 2));
      larger.set(held.subarray(0, heldLength));
      held = larger;
    }
    held.set(bytes, heldLength);
    heldLength = length;
  };

  return {
    push(chunk) {
      // Subclasses may slice without copying, as Node's Buffer does; packets must not share the caller's memory.
      const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      const out: CaptureItem[] = [];
      let at = 0;
      // First the block that an earlier piece began, taking no byte more than it needs.
      while (!stopped && heldLength > 0 && at < bytes.length) {
        const take = Math.min(wanted - heldLength, bytes.length - at);
        hold(bytes.subarray(at, at + take));
        at += take;
        if (heldLength < wanted) return out;
        if (decodeOne(held, 0, heldLength, out) > 0) heldLength = 0;
      }
      while (!stopped && at < bytes.length) {
        const length = decodeOne(bytes, at, bytes.length - at, out);
        if (length === 0) break;
        at += length;
      }
      if (!stopped && at < bytes.length) hold(bytes.subarray(at));
      return out;
    },
    end() {
      const out: CaptureItem[] = [];
      if (stopped) return out;
      if (heldLength > 0) {
        fail(`the file ends within a block: ${heldLength} of at least ${wanted} bytes are there`, out);
      } else if (offset === 0) {
        fail("the file is empty", out);
      }
      stopped = true;
      return out;
    },
  };
}
