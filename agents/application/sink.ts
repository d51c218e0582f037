import * as z from "zod";
import type { Application, ApplicationNote, IncomingMessage } from "./application.ts";
import { noteOf } from "./application.ts";
import { count, readState, unreadable, writeState } from "./state-bytes.ts";

const shape: z.ZodType<readonly [number, number]> = z.tuple([count, count]);

/** Takes everything and sends nothing; it counts. */
export class SinkApplication implements Application {
  readonly waitingBytes: number = 0;
  #messages: number = 0;
  #bytes: number = 0;
  #revision: number = 0;
  readonly #notes: ApplicationNote[] = [];

  onMessage({ payload }: IncomingMessage): void {
    this.#revision += 1;
    this.#messages += 1;
    this.#bytes += payload.length;
  }

  due(): undefined {
    return undefined;
  }

  accepted(): void {
    // It never offers anything.
  }

  refused(): void {
    // It never offers anything.
  }

  nextDeadlineMs(): undefined {
    return undefined;
  }

  get revision(): number {
    return this.#revision;
  }

  get summary(): string {
    return `${this.#messages} messages of ${this.#bytes} bytes came`;
  }

  snapshot(): Uint8Array {
    return writeState("sink", [this.#messages, this.#bytes]);
  }

  restore(bytes: Uint8Array): void {
    this.#revision += 1;
    const saved = readState("sink", bytes, shape);
    if (saved === undefined) this.#notes.push(noteOf(unreadable("sink")));
    else [this.#messages, this.#bytes] = saved;
  }

  takeNotes(): ApplicationNote[] {
    return this.#notes.splice(0);
  }
}
