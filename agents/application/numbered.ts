import type { Flow, TestMessage } from "./test-message.ts";
import { writeTestMessage } from "./test-message.ts";

/** A load: messages a second over all streams together, in turn. */
export interface Load {
  readonly ratePerSecond: number;
  readonly sizeBytes: number;
  readonly streams: number;
}

/** What the application wants sent on the association. */
export interface ApplicationMessage {
  readonly streamId: number;
  readonly payload: Uint8Array;
  readonly about: TestMessage;
}

const stateBytes = 8 + 8 + 4 + 2 + 4 + 1;

/**
 * The built-in test application: numbers messages of one flow at a steady rate, and on the outside
 * computer sends each `down` message back. Pure: time comes in, messages go out. Its state moves with
 * the association, so that the numbering goes on without a gap on another computer.
 */
export class NumberedApplication {
  readonly #source: Flow;
  #load: Load | undefined;
  #startedAtMs: number = 0;
  #sent: number = 0;
  #running: boolean = false;

  /** `source` is the flow that this side numbers. */
  constructor(source: "up" | "down") {
    this.#source = source;
  }

  start(load: Load, nowMs: number): void {
    this.#load = load;
    this.#startedAtMs = nowMs;
    this.#sent = 0;
    this.#running = true;
  }

  stop(): void {
    this.#running = false;
  }

  get running(): boolean {
    return this.#running;
  }

  /** When the next message is due, in milliseconds. */
  nextDeadlineMs(): number | undefined {
    if (!this.#running || this.#load === undefined) return undefined;
    return this.#startedAtMs + ((this.#sent + 1) * 1000) / this.#load.ratePerSecond;
  }

  /** The message that is due at `nowMs`, if one is; `accepted` must follow once it was taken over. */
  due(nowMs: number): ApplicationMessage | undefined {
    const dueAtMs = this.nextDeadlineMs();
    if (dueAtMs === undefined || dueAtMs > nowMs || this.#load === undefined) return undefined;
    const streamId = this.#sent % this.#load.streams;
    const about: TestMessage = {
      flow: this.#source,
      streamId,
      number: Math.floor(this.#sent / this.#load.streams),
      sentAtUs: nowMs * 1000,
      sizeBytes: this.#load.sizeBytes,
    };
    return { streamId, payload: writeTestMessage(about), about };
  }

  accepted(): void {
    this.#sent += 1;
  }

  /** Numbers given out so far, for each stream. */
  totals(): { readonly flow: Flow; readonly streamId: number; readonly sent: number }[] {
    const streams = this.#load?.streams ?? 0;
    return Array.from({ length: streams }, (_, streamId) => ({
      flow: this.#source,
      streamId,
      sent: Math.floor((this.#sent + streams - 1 - streamId) / streams),
    }));
  }

  /** Bytes from which `restore` goes on. */
  snapshot(): Uint8Array {
    const bytes = new Uint8Array(stateBytes);
    const view = new DataView(bytes.buffer);
    view.setFloat64(0, this.#startedAtMs);
    view.setFloat64(8, this.#load?.ratePerSecond ?? 0);
    view.setUint32(16, this.#load?.sizeBytes ?? 0);
    view.setUint16(20, this.#load?.streams ?? 0);
    view.setUint32(22, this.#sent);
    view.setUint8(26, Number(this.#running));
    return bytes;
  }

  restore(bytes: Uint8Array): void {
    if (bytes.length !== stateBytes) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const streams = view.getUint16(20);
    this.#startedAtMs = view.getFloat64(0);
    this.#load =
      streams === 0
        ? undefined
        : { ratePerSecond: view.getFloat64(8), sizeBytes: view.getUint32(16), streams };
    this.#sent = view.getUint32(22);
    this.#running = view.getUint8(26) === 1;
  }
}

/** The `echo` of a received `down` message; undefined where nothing is to be sent back. */
export function echoOf(message: TestMessage, nowMs: number): ApplicationMessage | undefined {
  if (message.flow !== "down") return undefined;
  const about: TestMessage = { ...message, flow: "echo", sentAtUs: nowMs * 1000 };
  return { streamId: about.streamId, payload: writeTestMessage(about), about };
}
