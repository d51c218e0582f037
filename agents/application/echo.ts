import type { Application, MessageToSend, ApplicationNote, IncomingMessage, Refusal } from "./application.ts";
import { noteOf, refusalText } from "./application.ts";
import { EchoQueue, echoesShape } from "./echo-queue.ts";
import { readState, unreadable, writeState } from "./state-bytes.ts";

/**
 * Sends every message back on the stream with the number of its own; a numbered `down` message as `echo`. What
 * waits for room is part of its state: an echo is owed until it is sent.
 */
export class EchoApplication implements Application {
  readonly #queue: EchoQueue = new EchoQueue();
  #sent: number = 0;
  #revision: number = 0;
  readonly #notes: ApplicationNote[] = [];

  onMessage(message: IncomingMessage): void {
    this.#revision += 1;
    if (this.#queue.add(message)) return;
    const { length } = message.payload;
    const text = `too many echoes wait for room: ${length} bytes of stream ${message.streamId} are not sent back`;
    this.#notes.push(noteOf(text));
  }

  due(nowMs: number): MessageToSend | undefined {
    return this.#queue.first(nowMs);
  }

  accepted(): void {
    this.#revision += 1;
    this.#sent += 1;
    this.#queue.shift();
  }

  refused(refusal: Refusal): void {
    this.#revision += 1;
    const { streamId = 0 } = this.#queue.first(0) ?? {};
    this.#notes.push(noteOf(refusalText("an echo", streamId, refusal)));
    this.#queue.shift();
  }

  nextDeadlineMs(): number | undefined {
    return undefined;
  }

  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  get revision(): number {
    return this.#revision;
  }

  get summary(): string {
    return `${this.#sent} messages were sent back, ${this.#queue.length} wait`;
  }

  snapshot(): Uint8Array {
    return writeState("echo", this.#queue.save());
  }

  /** What was sent back after the snapshot is sent back again when the peer delivers it again. */
  restore(bytes: Uint8Array): void {
    const saved = readState("echo", bytes, echoesShape);
    if (saved === undefined) this.#notes.push(noteOf(unreadable("echo")));
    else this.#queue.restore(saved);
    this.#revision += 1;
  }

  takeNotes(): ApplicationNote[] {
    return this.#notes.splice(0);
  }
}
