import * as z from "zod";
import type {
  MessageToSend,
  ApplicationNote,
  IncomingMessage,
  Load,
  LoadApplication,
  Refusal,
} from "./application.ts";
import { noteOf, refusalText } from "./application.ts";
import { readRequestMessage, writeRequestMessage } from "./request-message.ts";
import { bit32, count, readState, unreadable, writeState } from "./state-bytes.ts";

/** Requests without an answer that are remembered; no further one is made while there are so many. */
const mostOpen = 1024;
/** A request without an answer for so long is given up. */
const patienceMs = 10_000;

interface Counts {
  answered: number;
  unanswered: number;
  /** Answers to nothing that is open: given up, or asked by an instance whose memory was lost. */
  unexpected: number;
}

const loadShape: z.ZodType<Load> = z.object({
  ratePerSecond: z.number().positive(),
  sizeBytes: count,
  streams: z.int().min(1).max(0xffff),
});

const shape: z.ZodType<{
  readonly load: Load | null;
  readonly running: boolean;
  readonly startedAtMs: number;
  readonly asked: number;
  readonly next: number;
  readonly open: readonly (readonly [number, number])[];
  readonly counts: Counts;
}> = z.object({
  load: loadShape.nullable(),
  running: z.boolean(),
  startedAtMs: z.number(),
  asked: count,
  next: bit32,
  open: z.array(z.tuple([bit32, z.number()])).max(mostOpen),
  counts: z.object({ answered: count, unanswered: count, unexpected: count }),
});

/**
 * Asks at a steady rate and counts the answers. Which requests are open moves with the association: an
 * answer that comes after a takeover finds its request.
 */
export class Requester implements LoadApplication {
  readonly waitingBytes: number = 0;
  #load: Load | undefined;
  #running: boolean = false;
  #startedAtMs: number = 0;
  /** Requests since `#startedAtMs`. */
  #asked: number = 0;
  /** Number of the next request. */
  #next: number = 0;
  /** When each open request was made, by its number, oldest first. */
  readonly #open: Map<number, number> = new Map<number, number>();
  #counts: Counts = { answered: 0, unanswered: 0, unexpected: 0 };
  #revision: number = 0;
  readonly #notes: ApplicationNote[] = [];

  get running(): boolean {
    return this.#running;
  }

  start(load: Load, nowMs: number): void {
    this.#revision += 1;
    this.#load = load;
    this.#running = true;
    this.#startedAtMs = nowMs;
    this.#asked = 0;
  }

  stop(): void {
    this.#revision += 1;
    this.#running = false;
  }

  totals(): [] {
    return [];
  }

  onMessage({ payload }: IncomingMessage): void {
    const message = readRequestMessage(payload);
    if (message?.kind !== "response") return;
    this.#revision += 1;
    if (this.#open.delete(message.number)) this.#counts.answered += 1;
    else this.#counts.unexpected += 1;
  }

  /** The next request, or the end of the patience with the oldest one. */
  nextDeadlineMs(): number | undefined {
    const givenUpAtMs = this.#oldestAtMs === undefined ? undefined : this.#oldestAtMs + patienceMs;
    if (!this.#running || this.#load === undefined || this.#open.size >= mostOpen) return givenUpAtMs;
    const dueAtMs = this.#startedAtMs + ((this.#asked + 1) * 1000) / this.#load.ratePerSecond;
    return givenUpAtMs === undefined ? dueAtMs : Math.min(givenUpAtMs, dueAtMs);
  }

  get #oldestAtMs(): number | undefined {
    for (const atMs of this.#open.values()) return atMs;
    return undefined;
  }

  due(nowMs: number): MessageToSend | undefined {
    this.#giveUp(nowMs);
    const load = this.#load;
    if (!this.#running || load === undefined || this.#open.size >= mostOpen) return undefined;
    if (this.#startedAtMs + ((this.#asked + 1) * 1000) / load.ratePerSecond > nowMs) return undefined;
    const payload = writeRequestMessage({ kind: "request", number: this.#next, sizeBytes: load.sizeBytes });
    return { streamId: this.#next % load.streams, payload };
  }

  #giveUp(nowMs: number): void {
    for (const [number, atMs] of this.#open) {
      if (atMs + patienceMs > nowMs) return;
      this.#revision += 1;
      this.#open.delete(number);
      this.#counts.unanswered += 1;
      this.#notes.push(noteOf(`request ${number} got no answer in ${patienceMs / 1000} s`));
    }
  }

  accepted(nowMs: number): void {
    this.#revision += 1;
    this.#open.set(this.#next, nowMs);
    this.#next = (this.#next + 1) >>> 0;
    this.#asked += 1;
  }

  refused(refusal: Refusal): void {
    const streamId = this.#next % (this.#load?.streams ?? 1);
    this.#notes.push(noteOf(refusalText(`request ${this.#next}`, streamId, refusal)));
    this.stop();
  }

  get revision(): number {
    return this.#revision;
  }

  get counts(): Readonly<Record<string, number>> {
    return { ...this.#counts, open: this.#open.size };
  }

  get summary(): string {
    const { answered, unanswered, unexpected } = this.#counts;
    return `${answered} requests were answered, ${unanswered} were not, ${this.#open.size} are open, ${unexpected} answers came to none of these`;
  }

  snapshot(): Uint8Array {
    return writeState("requester", {
      load: this.#load ?? null,
      running: this.#running,
      startedAtMs: this.#startedAtMs,
      asked: this.#asked,
      next: this.#next,
      open: [...this.#open],
      counts: this.#counts,
    });
  }

  /** Numbers that may have been used after the snapshot are not used again: an answer to one is unexpected. */
  restore(bytes: Uint8Array, unseenMessages: number): void {
    this.#revision += 1;
    const saved = readState("requester", bytes, shape);
    if (saved === undefined) {
      this.#notes.push(noteOf(unreadable("requester")));
      return;
    }
    this.#load = saved.load ?? undefined;
    this.#running = saved.running;
    this.#startedAtMs = saved.startedAtMs;
    this.#asked = saved.asked;
    this.#next = (saved.next + unseenMessages) >>> 0;
    this.#counts = saved.counts;
    this.#open.clear();
    for (const [number, atMs] of saved.open) this.#open.set(number, atMs);
  }

  takeNotes(): ApplicationNote[] {
    return this.#notes.splice(0);
  }
}
