import * as z from "zod";
import { Fifo } from "../sctp/index.ts";
import type { MessageToSend, IncomingMessage } from "./application.ts";
import { bit16, bit32, bytesShape } from "./state-bytes.ts";
import type { TestMessage } from "./test-message.ts";
import { readTestMessage, writeTestMessage } from "./test-message.ts";

/** Echoes that may wait for room in the send buffer. */
const maxBytes = 4 * 1024 * 1024;

/** A numbered message is written anew when it is sent: its stream, number and length are all that is kept. */
interface NumberedEcho {
  readonly streamId: number;
  readonly number: number;
  readonly sizeBytes: number;
}

type PlainEcho = Omit<IncomingMessage, "tsn">;
type Echo = NumberedEcho | PlainEcho;

/** Stream, number and length; or stream, PPID, unordered and payload. Without names: a queue can be long. */
type SavedEcho = readonly [number, number, number] | readonly [number, number, boolean, Uint8Array];

export type SavedEchoes = readonly SavedEcho[];
export const echoesShape: z.ZodType<SavedEchoes> = z.array(
  z.union([z.tuple([bit16, bit32, bit32]), z.tuple([bit16, bit32, z.boolean(), bytesShape])]),
);

/** Echoes that the association has not taken yet, in their order. */
export class EchoQueue {
  readonly #waiting: Fifo<Echo> = new Fifo<Echo>();
  #bytes: number = 0;

  get length(): number {
    return this.#waiting.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The echo of any message; false where too many wait already. A `down` message comes back as `echo`. */
  add(message: IncomingMessage): boolean {
    const test = readTestMessage(message.payload);
    if (test?.flow === "down") return this.addNumbered(test);
    // The payload may be a view of a packet, or of a buffer that is used again.
    const { streamId, ppid, unordered } = message;
    const payload = message.payload.slice();
    return this.#push({ streamId, ppid, unordered, payload }, payload.length);
  }

  addNumbered({ streamId, number, sizeBytes }: TestMessage): boolean {
    return this.#push({ streamId, number, sizeBytes }, sizeBytes);
  }

  #push(echo: Echo, bytes: number): boolean {
    if (this.#bytes + bytes > maxBytes) return false;
    this.#waiting.push(echo);
    this.#bytes += bytes;
    return true;
  }

  /** The first echo, as it is to be sent now. */
  first(nowMs: number): MessageToSend | undefined {
    const { first } = this.#waiting;
    if (first === undefined || !("number" in first)) return first;
    const about: TestMessage = { ...first, flow: "echo", sentAtUs: nowMs * 1000 };
    return { streamId: first.streamId, payload: writeTestMessage(about), about };
  }

  shift(): void {
    const first = this.#waiting.shift();
    if (first !== undefined) this.#bytes -= lengthOf(first);
  }

  save(): SavedEchoes {
    return [...this.#waiting].map((echo) =>
      "number" in echo
        ? [echo.streamId, echo.number, echo.sizeBytes]
        : [echo.streamId, echo.ppid, echo.unordered, echo.payload],
    );
  }

  restore(saved: SavedEchoes): void {
    this.#waiting.clear();
    this.#bytes = 0;
    for (const each of saved) {
      const echo = echoOf(each);
      this.#push(echo, lengthOf(echo));
    }
  }
}

const lengthOf = (echo: Echo): number => ("number" in echo ? echo.sizeBytes : echo.payload.length);

function echoOf(saved: SavedEcho): Echo {
  if (saved.length === 3) {
    const [streamId, number, sizeBytes] = saved;
    return { streamId, number, sizeBytes };
  }
  const [streamId, ppid, unordered, payload] = saved;
  return { streamId, ppid, unordered, payload };
}
