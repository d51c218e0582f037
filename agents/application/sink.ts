import * as z from "zod";
import type { Application, ApplicationNote, IncomingMessage } from "./application.ts";
import { noteOf } from "./application.ts";
import { Listener } from "./listener.ts";
import { count, readState, unreadable, writeState } from "./state-bytes.ts";

const shape: z.ZodType<readonly [number, number]> = z.tuple([count, count]);

/** Takes everything and sends nothing; it counts. */
export class SinkApplication extends Listener implements Application {
  #messages: number = 0;
  #bytes: number = 0;
  #revision: number = 0;
  readonly #notes: ApplicationNote[] = [];

  onMessage({ payload }: IncomingMessage): void {
    this.#revision += 1;
    this.#messages += 1;
    this.#bytes += payload.length;
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
