import * as z from "zod";
import type { Delivery } from "../sctp/index.ts";
import type { IncomingMessage } from "./application.ts";
import { bit32, bytesShape } from "./state-bytes.ts";

/** Of all messages that are not whole yet together. */
const maxBytes = 4 * 1024 * 1024;

type PartName = Pick<Delivery, "streamId" | "ssn" | "unordered">;
/** Stream, SSN or MID, unordered, TSN of the first byte, what came so far; `null`: it is left out. */
type SavedPart = readonly [number, number, boolean, number, Uint8Array | null];

export const partsShape: z.ZodType<readonly SavedPart[]> = z.array(
  z.tuple([bit32, bit32, z.boolean(), bit32, bytesShape.nullable()]),
);

/** `tsn` is that of the first byte. */
type WholeMessage = Pick<IncomingMessage, "tsn" | "payload">;

interface Part {
  readonly name: PartName;
  /** Of the first byte. */
  readonly tsn: number;
  readonly pieces: Uint8Array[];
  /** It became too long, and the rest of it is left out too. */
  skipped: boolean;
}

/** Beginnings of messages that are delivered in parts (RFC 6458 section 6.1.7). */
export class MessageParts {
  readonly #parts: Map<string, Part> = new Map<string, Part>();
  #bytes: number = 0;
  #revision: number = 0;

  get isEmpty(): boolean {
    return this.#parts.size === 0;
  }

  /** Grows with every change. */
  get revision(): number {
    return this.#revision;
  }

  /** A message that is whole now; `too-long` when one became longer than there is room for. */
  add({
    streamId,
    ssn,
    unordered,
    payload,
    beginning,
    ending,
    tsn,
  }: Delivery): WholeMessage | "too-long" | undefined {
    if (beginning && ending) return { tsn, payload };
    this.#revision += 1;
    const name = { streamId, ssn, unordered };
    const part = this.#parts.get(keyOf(name)) ?? { name, tsn, pieces: [], skipped: !beginning };
    this.#parts.set(keyOf(name), part);
    const outgrown = !part.skipped && this.#bytes + payload.length > maxBytes;
    if (outgrown) {
      this.#bytes -= lengthOf(part.pieces);
      part.pieces.length = 0;
      part.skipped = true;
    } else if (!part.skipped) {
      part.pieces.push(payload.slice());
      this.#bytes += payload.length;
    }
    const whole = ending && !part.skipped ? { tsn: part.tsn, payload: joined(part.pieces) } : undefined;
    if (ending) this.drop(name);
    return outgrown ? "too-long" : whole;
  }

  drop(name: PartName): void {
    const part = this.#parts.get(keyOf(name));
    if (part === undefined) return;
    this.#revision += 1;
    this.#bytes -= lengthOf(part.pieces);
    this.#parts.delete(keyOf(name));
  }

  save(): SavedPart[] {
    return [...this.#parts.values()].map(({ name, tsn, pieces, skipped }) => [
      name.streamId,
      name.ssn,
      name.unordered,
      tsn,
      skipped ? null : joined(pieces),
    ]);
  }

  restore(saved: readonly SavedPart[]): void {
    this.#revision += 1;
    this.#parts.clear();
    this.#bytes = 0;
    for (const [streamId, ssn, unordered, tsn, bytes] of saved) {
      const name = { streamId, ssn, unordered };
      const pieces = bytes === null ? [] : [bytes];
      this.#parts.set(keyOf(name), { name, tsn, pieces, skipped: bytes === null });
      this.#bytes += lengthOf(pieces);
    }
  }
}

const keyOf = ({ streamId, ssn, unordered }: PartName): string => `${streamId} ${ssn} ${unordered}`;

const lengthOf = (pieces: readonly Uint8Array[]): number =>
  pieces.reduce((sum, piece) => sum + piece.length, 0);

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(lengthOf(pieces));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
