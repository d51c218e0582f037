import type {
  MessageToSend,
  ApplicationNote,
  IncomingMessage,
  Load,
  LoadApplication,
  Refusal,
} from "./application.ts";
import { noteOf, refusalText } from "./application.ts";
import { EchoQueue, echoesShape } from "./echo-queue.ts";
import type { SkippedIndices } from "./number-source.ts";
import { NumberSource, sourceBytes } from "./number-source.ts";
import { readState, unreadable, writeState } from "./state-bytes.ts";
import type { Flow, TestMessage } from "./test-message.ts";
import { readTestMessage, writeTestMessage } from "./test-message.ts";

/** A numbered test message that is to be sent. */
export type ApplicationMessage = MessageToSend & { readonly about: TestMessage };

const stateVersion = 1;

/**
 * The built-in test application: numbers messages of one flow at a steady rate; where it `echoes`, it sends
 * each `down` message back, before it numbers anything new. Without that it is the `source`. What it numbered
 * and the echoes that it owes move with the association, so nothing is left out on another computer.
 */
export class NumberedApplication implements LoadApplication {
  readonly #flow: Flow;
  readonly #source: NumberSource;
  readonly #echoes: boolean;
  readonly #queue: EchoQueue = new EchoQueue();
  /** What `due` answered last. */
  #offered: "echo" | "number" | undefined;
  #revision: number = 0;
  readonly #notes: ApplicationNote[] = [];

  /** `source` is the flow that this side numbers. */
  constructor(source: "up" | "down", echoes: boolean = false) {
    this.#flow = source;
    this.#source = new NumberSource(source);
    this.#echoes = echoes;
  }

  start(load: Load, nowMs: number): void {
    this.#revision += 1;
    this.#noteSkipped(this.#source.start(load, nowMs));
  }

  stop(): void {
    this.#revision += 1;
    this.#source.stop();
    // What was offered is not due any more: the echoes have their turn.
    if (this.#offered === "number") this.#offered = undefined;
  }

  get running(): boolean {
    return this.#source.running;
  }

  onMessage({ payload }: IncomingMessage): void {
    const message = this.#echoes ? readTestMessage(payload) : undefined;
    if (message?.flow !== "down") return;
    this.#revision += 1;
    if (this.#queue.addNumbered(message)) return;
    const { streamId, number } = message;
    this.#notes.push(
      noteOf(`too many echoes wait for room: echo ${number} of stream ${streamId} is not sent`),
    );
  }

  /** When the next message is due, in milliseconds. */
  nextDeadlineMs(): number | undefined {
    return this.#source.nextDeadlineMs();
  }

  /** The message that is due at `nowMs`, if one is; `accepted` must follow once it was taken over. */
  due(nowMs: number): ApplicationMessage | undefined {
    const echo = this.#offered === "number" ? undefined : this.#queue.first(nowMs);
    if (echo?.about !== undefined) {
      this.#offered = "echo";
      return { ...echo, about: echo.about };
    }
    const about = this.#source.due(nowMs);
    if (about === undefined) return undefined;
    this.#offered = "number";
    return { streamId: about.streamId, payload: writeTestMessage(about), about };
  }

  accepted(): void {
    this.#revision += 1;
    if (this.#offered === "echo") this.#queue.shift();
    else this.#source.accepted();
    this.#offered = undefined;
  }

  /** What cannot be numbered on a stream cannot be numbered later either: the load stops. */
  refused(refusal: Refusal): void {
    this.#revision += 1;
    if (this.#offered === "echo") {
      const { streamId = 0, about } = this.#queue.first(0) ?? {};
      this.#notes.push(noteOf(refusalText(`echo ${about?.number ?? 0}`, streamId, refusal)));
      this.#queue.shift();
    } else {
      const { streamId = 0, number = 0 } = this.#source.due(Number.POSITIVE_INFINITY) ?? {};
      this.#notes.push(noteOf(refusalText(`${this.#flow} ${number}`, streamId, refusal)));
      this.#source.stop();
    }
    this.#offered = undefined;
  }

  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  get revision(): number {
    return this.#revision;
  }

  get summary(): string {
    const echoes = this.#echoes ? `, ${this.#queue.length} echoes wait` : "";
    return `${this.#source.next} messages of ${this.#flow} were numbered${echoes}`;
  }

  /** Numbers given out so far, for each stream. */
  totals(): { readonly flow: Flow; readonly streamId: number; readonly sent: number }[] {
    return this.#source.totals();
  }

  /** Version (1), the source, and behind it the echoes that wait, where there are any. */
  snapshot(): Uint8Array {
    const echoes = this.#queue.length === 0 ? undefined : writeState("echoes", this.#queue.save());
    const bytes = new Uint8Array(1 + sourceBytes + (echoes?.length ?? 0));
    bytes[0] = stateVersion;
    this.#source.save(new DataView(bytes.buffer), 1);
    if (echoes !== undefined) bytes.set(echoes, 1 + sourceBytes);
    return bytes;
  }

  restore(bytes: Uint8Array, unseenMessages: number = 0): void {
    this.#revision += 1;
    const rest = bytes.subarray(1 + sourceBytes);
    const echoes = rest.length === 0 ? [] : readState("echoes", rest, echoesShape);
    if (bytes.length <= sourceBytes || bytes[0] !== stateVersion || echoes === undefined) {
      this.#notes.push(noteOf(unreadable("numbered")));
      return;
    }
    this.#source.restore(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 1);
    this.#queue.restore(echoes);
    this.#noteSkipped(this.#source.skip(unseenMessages));
  }

  /** A number that another computer may have given out to another message is never given out again. */
  #noteSkipped(skipped: SkippedIndices | undefined): void {
    if (skipped === undefined) return;
    const { firstIndex, lastIndex } = skipped;
    const text = `up to ${lastIndex - firstIndex + 1} messages of ${this.#flow} may have been sent that this computer does not know: their numbers are skipped`;
    this.#notes.push({ name: "numbers-skipped", text, detail: { flow: this.#flow, firstIndex, lastIndex } });
  }

  takeNotes(): ApplicationNote[] {
    return this.#notes.splice(0);
  }
}
