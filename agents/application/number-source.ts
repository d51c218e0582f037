import type { Load } from "./application.ts";
import type { Flow, TestMessage } from "./test-message.ts";

/** Length of a saved source in bytes. */
export const sourceBytes: number = 8 + 8 + 4 + 2 + 4 + 4 + 4 + 1;

/** What was not numbered here and is not numbered any more: message indices, both included. */
export interface SkippedIndices {
  readonly firstIndex: number;
  readonly lastIndex: number;
}

/**
 * Numbers messages at a steady rate: message index i is number floor(i / streams) of stream i mod streams.
 * No number is given out twice, whatever is stopped, started again or lost in between.
 */
export class NumberSource {
  readonly #flow: Flow;
  #load: Load | undefined;
  #startedAtMs: number = 0;
  /** Messages since `#startedAtMs`: the next one is due by this. */
  #sent: number = 0;
  /** Index of the next message. */
  #next: number = 0;
  /** Indices that are to be skipped once the number of streams is known. */
  #skip: number = 0;
  #running: boolean = false;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Index of the next message. */
  get next(): number {
    return this.#next;
  }

  /** Goes on with the numbers where the streams are as many as before. */
  start(load: Load, nowMs: number): SkippedIndices | undefined {
    if (this.#load?.streams !== load.streams) this.#next = 0;
    this.#load = load;
    this.#startedAtMs = nowMs;
    this.#sent = 0;
    this.#running = true;
    return this.skip(0);
  }

  stop(): void {
    this.#running = false;
  }

  nextDeadlineMs(): number | undefined {
    if (!this.#running || this.#load === undefined) return undefined;
    return this.#startedAtMs + ((this.#sent + 1) * 1000) / this.#load.ratePerSecond;
  }

  due(nowMs: number): TestMessage | undefined {
    const dueAtMs = this.nextDeadlineMs();
    if (dueAtMs === undefined || dueAtMs > nowMs || this.#load === undefined) return undefined;
    return {
      flow: this.#flow,
      streamId: this.#next % this.#load.streams,
      number: Math.floor(this.#next / this.#load.streams),
      sentAtUs: nowMs * 1000,
      sizeBytes: this.#load.sizeBytes,
    };
  }

  accepted(): void {
    this.#sent += 1;
    this.#next += 1;
  }

  /** Gives up so many indices, and those that were given up before there was a load. The rate does not suffer. */
  skip(messages: number): SkippedIndices | undefined {
    this.#skip += messages;
    if (this.#load === undefined || this.#skip === 0) return undefined;
    const firstIndex = this.#next;
    this.#next += this.#skip;
    this.#skip = 0;
    return { firstIndex, lastIndex: this.#next - 1 };
  }

  /** Numbers given out or skipped so far, for each stream. */
  totals(): { readonly flow: Flow; readonly streamId: number; readonly sent: number }[] {
    const streams = this.#load?.streams ?? 0;
    return Array.from({ length: streams }, (_, streamId) => ({
      flow: this.#flow,
      streamId,
      sent: Math.floor((this.#next + streams - 1 - streamId) / streams),
    }));
  }

  /** `sourceBytes` bytes, big-endian. */
  save(view: DataView, at: number): void {
    view.setFloat64(at, this.#startedAtMs);
    view.setFloat64(at + 8, this.#load?.ratePerSecond ?? 0);
    view.setUint32(at + 16, this.#load?.sizeBytes ?? 0);
    view.setUint16(at + 20, this.#load?.streams ?? 0);
    view.setUint32(at + 22, this.#sent);
    view.setUint32(at + 26, this.#next);
    view.setUint32(at + 30, this.#skip);
    view.setUint8(at + 34, Number(this.#running));
  }

  restore(view: DataView, at: number): void {
    const streams = view.getUint16(at + 20);
    this.#startedAtMs = view.getFloat64(at);
    this.#load =
      streams === 0
        ? undefined
        : { ratePerSecond: view.getFloat64(at + 8), sizeBytes: view.getUint32(at + 16), streams };
    this.#sent = view.getUint32(at + 22);
    this.#next = view.getUint32(at + 26);
    this.#skip = view.getUint32(at + 30);
    this.#running = view.getUint8(at + 34) === 1;
  }
}
