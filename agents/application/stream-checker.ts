import * as z from "zod";
import type { Application, ApplicationNote, IncomingMessage } from "./application.ts";
import { noteOf } from "./application.ts";
import { Listener } from "./listener.ts";
import { bit16, count, readState, unreadable, writeState } from "./state-bytes.ts";
import type { Flow } from "./test-message.ts";
import { flows, readTestMessage } from "./test-message.ts";

/** What is known of the numbers of one flow on one stream. */
interface Progress {
  readonly flow: Flow;
  readonly streamId: number;
  /** The number that should come next. */
  expected: number;
}

/** What was wrong so far, by kind. */
interface Faults {
  missing: number;
  again: number;
  damaged: number;
  foreign: number;
}

const shape: z.ZodType<{
  readonly messages: number;
  readonly faults: Faults;
  readonly streams: readonly (readonly [Flow, number, number])[];
}> = z.object({
  messages: count,
  faults: z.object({ missing: count, again: count, damaged: count, foreign: count }),
  streams: z.array(z.tuple([z.enum(flows), bit16, count])).max(3 * 65_536),
});

/** After so many sentences about faults the rest is only counted. */
const mostNotes = 20;

/**
 * Checks numbered test messages as they come: whole, every number of a flow and stream once and in order.
 * It judges for itself, beside the verdict; what it expects next moves with the association, so it sees
 * also what a takeover would lose or give twice.
 */
export class StreamChecker extends Listener implements Application {
  readonly #streams: Map<string, Progress> = new Map<string, Progress>();
  #messages: number = 0;
  #faults: Faults = { missing: 0, again: 0, damaged: 0, foreign: 0 };
  #revision: number = 0;
  #noted: number = 0;
  readonly #notes: ApplicationNote[] = [];

  onMessage({ streamId, payload }: IncomingMessage): void {
    this.#revision += 1;
    this.#messages += 1;
    const message = readTestMessage(payload);
    if (message === undefined) {
      this.#fault("foreign", 1, `a message of stream ${streamId} is no numbered one`);
      return;
    }
    const { flow, number, intact } = message;
    const name = `${flow} ${number} of stream ${message.streamId}`;
    // A peer that invents streams gets no memory for them.
    if (!intact || message.streamId !== streamId) {
      this.#fault("damaged", 1, `${name} is damaged, or came on the wrong stream, ${streamId}`);
      return;
    }
    const progress = this.#progress(flow, streamId);
    const { expected } = progress;
    if (number < expected) {
      this.#fault("again", 1, `${name} came again, or late: ${expected} was expected`);
      return;
    }
    if (number > expected)
      this.#fault("missing", number - expected, `${name} came where ${expected} was expected`);
    progress.expected = number + 1;
  }

  #progress(flow: Flow, streamId: number): Progress {
    const key = `${flow} ${streamId}`;
    let progress = this.#streams.get(key);
    if (progress === undefined) {
      progress = { flow, streamId, expected: 0 };
      this.#streams.set(key, progress);
    }
    return progress;
  }

  #fault(kind: keyof Faults, times: number, text: string): void {
    this.#faults[kind] += times;
    this.#noted += 1;
    if (this.#noted <= mostNotes) this.#notes.push(noteOf(text));
    if (this.#noted === mostNotes)
      this.#notes.push(noteOf("further faults of numbered messages are only counted"));
  }

  get revision(): number {
    return this.#revision;
  }

  get summary(): string {
    const { missing, again, damaged, foreign } = this.#faults;
    return `${this.#messages} messages were checked: ${missing} missing, ${again} again or late, ${damaged} damaged, ${foreign} of another kind`;
  }

  snapshot(): Uint8Array {
    const streams = [...this.#streams.values()].map(({ flow, streamId, expected }) => [
      flow,
      streamId,
      expected,
    ]);
    return writeState("checker", { messages: this.#messages, faults: this.#faults, streams });
  }

  restore(bytes: Uint8Array): void {
    this.#revision += 1;
    const saved = readState("checker", bytes, shape);
    if (saved === undefined) {
      this.#notes.push(noteOf(unreadable("checker")));
      return;
    }
    this.#messages = saved.messages;
    this.#faults = saved.faults;
    this.#streams.clear();
    for (const [flow, streamId, expected] of saved.streams)
      this.#progress(flow, streamId).expected = expected;
  }

  takeNotes(): ApplicationNote[] {
    return this.#notes.splice(0);
  }
}
