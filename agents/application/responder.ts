import * as z from "zod";
import { Fifo } from "../sctp/index.ts";
import type { Application, MessageToSend, ApplicationNote, IncomingMessage, Refusal } from "./application.ts";
import { noteOf, refusalText } from "./application.ts";
import { readRequestMessage, writeRequestMessage } from "./request-message.ts";
import { bit16, bit32, readState, unreadable, writeState } from "./state-bytes.ts";

/** Answers that may wait for room in the send buffer. */
const mostWaiting = 4096;

interface Owed {
  readonly streamId: number;
  readonly number: number;
  readonly sizeBytes: number;
}

type SavedOwed = readonly [number, number, number];
const shape: z.ZodType<readonly SavedOwed[]> = z.array(z.tuple([bit16, bit32, bit32])).max(mostWaiting);

/** Answers each request on its stream, as long as it was. The answers that it owes move with the association. */
export class Responder implements Application {
  readonly #owed: Fifo<Owed> = new Fifo<Owed>();
  #bytes: number = 0;
  #answered: number = 0;
  #revision: number = 0;
  readonly #notes: ApplicationNote[] = [];

  onMessage({ streamId, payload }: IncomingMessage): void {
    const message = readRequestMessage(payload);
    if (message?.kind !== "request") return;
    this.#revision += 1;
    const { number, sizeBytes } = message;
    if (this.#owed.length < mostWaiting) this.#owe({ streamId, number, sizeBytes });
    else this.#notes.push(noteOf(`too many answers wait for room: request ${number} is not answered`));
  }

  #owe(owed: Owed): void {
    this.#owed.push(owed);
    this.#bytes += owed.sizeBytes;
  }

  due(): MessageToSend | undefined {
    const { first } = this.#owed;
    if (first === undefined) return undefined;
    const { streamId, number, sizeBytes } = first;
    return { streamId, payload: writeRequestMessage({ kind: "response", number, sizeBytes }) };
  }

  accepted(): void {
    this.#answered += 1;
    this.#done();
  }

  refused(refusal: Refusal): void {
    const { first } = this.#owed;
    const text = refusalText(`the answer to request ${first?.number ?? 0}`, first?.streamId ?? 0, refusal);
    this.#notes.push(noteOf(text));
    this.#done();
  }

  #done(): void {
    this.#revision += 1;
    this.#bytes -= this.#owed.shift()?.sizeBytes ?? 0;
  }

  nextDeadlineMs(): undefined {
    return undefined;
  }

  get waitingBytes(): number {
    return this.#bytes;
  }

  get revision(): number {
    return this.#revision;
  }

  get summary(): string {
    return `${this.#answered} requests were answered, ${this.#owed.length} answers wait`;
  }

  snapshot(): Uint8Array {
    const owed = [...this.#owed].map(({ streamId, number, sizeBytes }) => [streamId, number, sizeBytes]);
    return writeState("responder", owed);
  }

  restore(bytes: Uint8Array): void {
    this.#revision += 1;
    const saved = readState("responder", bytes, shape);
    if (saved === undefined) {
      this.#notes.push(noteOf(unreadable("responder")));
      return;
    }
    this.#owed.clear();
    this.#bytes = 0;
    for (const [streamId, number, sizeBytes] of saved) this.#owe({ streamId, number, sizeBytes });
  }

  takeNotes(): ApplicationNote[] {
    return this.#notes.splice(0);
  }
}
