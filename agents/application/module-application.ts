import * as z from "zod";
import { Fifo } from "../sctp/index.ts";
import type { Application, MessageToSend, ApplicationNote, IncomingMessage, Refusal } from "./application.ts";
import { noteOf, refusalText } from "./application.ts";
import { failureText, readAnswers, readSendAnswer, readSnapshot } from "./module-answers.ts";
import type { ApplicationModule } from "./module.ts";
import { bit16, bit32, bytesShape, readState, unreadable, writeState } from "./state-bytes.ts";

/** Answers that may wait for room in the send buffer. */
const maxWaitingBytes = 4 * 1024 * 1024;

const shape = z.object({
  failed: z.boolean(),
  asleep: z.boolean(),
  wakeAtMs: z.number().nullable(),
  waiting: z.array(z.tuple([bit16, bit32, z.boolean(), bytesShape])),
  state: bytesShape,
});

/**
 * A user's module as an application. What the module wants sent waits here and is part of the snapshot. A
 * module that throws, or answers what it may not, is not called again; the association goes on without it.
 */
export class ModuleApplication implements Application {
  readonly #name: string;
  readonly #module: ApplicationModule;
  readonly #waiting: Fifo<MessageToSend> = new Fifo<MessageToSend>();
  #waitingBytes: number = 0;
  #failed: boolean = false;
  /** `send` had nothing: it is asked again after the next message. */
  #asleep: boolean = false;
  #wakeAtMs: number | undefined;
  #lastState: Uint8Array = new Uint8Array(0);
  #messages: number = 0;
  #revision: number = 0;
  readonly #notes: ApplicationNote[] = [];

  /** `name` is what sentences call the module: its path. */
  constructor(name: string, module: ApplicationModule) {
    this.#name = name;
    this.#module = module;
  }

  /** It is not called any more. */
  get failed(): boolean {
    return this.#failed;
  }

  /** The module broke a rule outside of a call, in code that it started itself. */
  fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#revision += 1;
    const reason = failureText(error);
    const text = `the application ${this.#name} is not called any more, the association goes on without it: ${reason}`;
    this.#notes.push(noteOf(text));
  }

  /** The border to foreign code: whatever it throws becomes one sentence, not ours to die of. */
  #call<Answer>(act: (module: ApplicationModule) => Answer): Answer | undefined {
    if (this.#failed) return undefined;
    try {
      return act(this.#module);
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  onMessage(message: IncomingMessage, nowMs: number): void {
    if (this.#failed) return;
    this.#revision += 1;
    this.#messages += 1;
    this.#asleep = false;
    const payload = message.payload.slice();
    const answers = this.#call((module) => readAnswers(module.onMessage({ ...message, payload }, nowMs)));
    for (const answer of answers ?? []) this.#queue(answer);
  }

  #queue(answer: MessageToSend): void {
    const { length } = answer.payload;
    if (this.#waitingBytes + length > maxWaitingBytes) {
      const text = `too much of ${this.#name} waits for room: ${length} bytes of stream ${answer.streamId} are not sent`;
      this.#notes.push(noteOf(text));
      return;
    }
    this.#waiting.push(answer);
    this.#waitingBytes += length;
  }

  due(nowMs: number): MessageToSend | undefined {
    if (this.#waiting.length === 0 && this.#maySend(nowMs)) {
      this.#revision += 1;
      this.#wakeAtMs = undefined;
      const answer = this.#call((module) => readSendAnswer(module.send?.(nowMs)));
      if (typeof answer === "number") this.#wakeAtMs = answer;
      else if (answer === undefined) this.#asleep = true;
      else this.#queue(answer);
    }
    return this.#waiting.first;
  }

  #maySend(nowMs: number): boolean {
    if (this.#failed || this.#asleep || this.#module.send === undefined) return false;
    return this.#wakeAtMs === undefined || this.#wakeAtMs <= nowMs;
  }

  accepted(): void {
    this.#revision += 1;
    this.#waitingBytes -= this.#waiting.shift()?.payload.length ?? 0;
  }

  refused(refusal: Refusal): void {
    const { streamId = 0 } = this.#waiting.first ?? {};
    this.#notes.push(noteOf(refusalText(`a message of ${this.#name}`, streamId, refusal)));
    this.accepted();
  }

  nextDeadlineMs(): number | undefined {
    return this.#failed || this.#asleep ? undefined : this.#wakeAtMs;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  get revision(): number {
    return this.#revision;
  }

  get summary(): string {
    const end = this.#failed ? ", and it is not called any more" : "";
    return `${this.#name} got ${this.#messages} messages${end}`;
  }

  snapshot(): Uint8Array {
    const state = this.#call((module) => readSnapshot(module.snapshot()));
    if (state !== undefined) this.#lastState = state;
    const waiting = [...this.#waiting].map(({ streamId, ppid = 0, unordered = false, payload }) => [
      streamId,
      ppid,
      unordered,
      payload,
    ]);
    return writeState("module", {
      failed: this.#failed,
      asleep: this.#asleep,
      wakeAtMs: this.#wakeAtMs ?? null,
      waiting,
      state: this.#lastState,
    });
  }

  restore(bytes: Uint8Array, unseenMessages: number): void {
    this.#revision += 1;
    const saved = readState("module", bytes, shape);
    if (saved === undefined) {
      this.#notes.push(noteOf(unreadable(this.#name)));
      return;
    }
    this.#failed = saved.failed;
    this.#asleep = saved.asleep;
    this.#wakeAtMs = saved.wakeAtMs ?? undefined;
    this.#lastState = saved.state;
    this.#waiting.clear();
    this.#waitingBytes = 0;
    for (const [streamId, ppid, unordered, payload] of saved.waiting) {
      this.#queue({ streamId, ppid, unordered, payload });
    }
    this.#call((module) => module.restore(saved.state.slice(), unseenMessages));
  }

  takeNotes(): ApplicationNote[] {
    return this.#notes.splice(0);
  }
}
