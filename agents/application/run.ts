import * as z from "zod";
import type { Delivery, SendAnswer } from "../sctp/index.ts";
import type { Application, MessageToSend, ApplicationNote } from "./application.ts";
import { noteOf } from "./application.ts";
import { MessageParts, partsShape } from "./message-parts.ts";
import { bytesShape, readState, writeState } from "./state-bytes.ts";

/** What a run needs of its association. */
export interface ApplicationPort {
  send(message: MessageToSend, nowMs: number): SendAnswer;
  /** Where the endpoint holds deliveries: so many bytes of them are done with, and the receive window opens again. */
  consumed?(bytes: number, nowMs: number): void;
}

/** Messages that are sent in one turn at most, so that a late timer makes no burst without bound. */
const largestBurst = 200;
/** When the send buffer is full, the application tries again after this time, unless `roomAgain` comes first. */
const retryMs = 5;
/** What comes after a burst: others have their turn in between. */
const pauseMs = 1;
/** With more than this waiting for room, the application takes nothing more from the peer. */
const enoughWaitingBytes = 64 * 1024;

const partsFormat = 1;
const savedShape = z.tuple([partsShape, bytesShape]);

/**
 * One application on one association: puts the parts of messages together, sends what is due as far as there
 * is room, and says when the state of both is to be saved.
 */
export class ApplicationRun {
  readonly application: Application;
  readonly #port: ApplicationPort;
  readonly #parts: MessageParts = new MessageParts();
  #retryAtMs: number | undefined;
  /** Bytes that were delivered and are not consumed yet. */
  #heldBytes: number = 0;
  #savedRevision: number = -1;
  readonly #notes: ApplicationNote[] = [];

  constructor(application: Application, port: ApplicationPort) {
    this.application = application;
    this.#port = port;
  }

  /** Nothing waits for room. */
  get isIdle(): boolean {
    return this.application.waitingBytes === 0;
  }

  deliver(delivery: Delivery, nowMs: number): void {
    this.#heldBytes += delivery.payload.length;
    const { streamId, ppid, unordered } = delivery;
    const whole = this.#parts.add(delivery);
    if (whole === "too-long") {
      this.#notes.push(
        noteOf(`a message of stream ${streamId} is too long for the application and is left out`),
      );
    } else if (whole !== undefined) {
      this.application.onMessage({ streamId, ppid, unordered, ...whole }, nowMs);
    }
  }

  /** The rest of a message does not come. */
  partialDeliveryAborted(name: {
    readonly streamId: number;
    readonly ssn: number;
    readonly unordered: boolean;
  }): void {
    this.#parts.drop(name);
  }

  /** There is room to send again. */
  roomAgain(): void {
    this.#retryAtMs = undefined;
  }

  /** Sends what is due; with `held` nothing is sent, as long as the replication is too far behind. */
  turn(held: boolean, nowMs: number): void {
    if (this.#retryAtMs !== undefined && this.#retryAtMs > nowMs) return;
    this.#retryAtMs = undefined;
    if (held) {
      if (!this.isIdle || this.application.nextDeadlineMs() !== undefined) this.#retryAtMs = nowMs + retryMs;
    } else this.#sendDue(nowMs);
    if (this.#heldBytes === 0 || this.application.waitingBytes > enoughWaitingBytes) return;
    this.#port.consumed?.(this.#heldBytes, nowMs);
    this.#heldBytes = 0;
  }

  #sendDue(nowMs: number): void {
    const { application } = this;
    for (let burst = 0; burst < largestBurst; burst++) {
      const message = application.due(nowMs);
      if (message === undefined) return;
      const answer = this.#port.send(message, nowMs);
      if (answer === "accepted") application.accepted(nowMs);
      else if (answer === "no-such-stream" || answer === "bad-length") application.refused(answer);
      else {
        this.#retryAtMs = nowMs + retryMs;
        return;
      }
    }
    this.#retryAtMs = nowMs + pauseMs;
  }

  nextDeadlineMs(): number | undefined {
    return this.#retryAtMs ?? this.application.nextDeadlineMs();
  }

  /** The state to be saved with the association; undefined where it is the one that was answered last. */
  takeChangedState(): Uint8Array | undefined {
    const revision = this.application.revision + this.#parts.revision;
    if (revision === this.#savedRevision) return undefined;
    this.#savedRevision = revision;
    const snapshot = this.application.snapshot();
    if (this.#parts.isEmpty) return withFormat(0, snapshot);
    return withFormat(partsFormat, writeState("parts", [this.#parts.save(), snapshot]));
  }

  /** Goes on from a saved state; one without bytes says that nothing was saved. */
  restore(state: Uint8Array, unseenMessages: number): void {
    this.#savedRevision = -1;
    if (state.length === 0) return;
    const rest = state.subarray(1);
    if (state[0] !== partsFormat) {
      this.application.restore(rest, unseenMessages);
      return;
    }
    const saved = readState("parts", rest, savedShape);
    if (saved !== undefined) this.#parts.restore(saved[0]);
    this.application.restore(saved?.[1] ?? rest, unseenMessages);
  }

  takeNotes(): ApplicationNote[] {
    return [...this.#notes.splice(0), ...this.application.takeNotes()];
  }
}

function withFormat(format: number, bytes: Uint8Array): Uint8Array {
  const state = new Uint8Array(1 + bytes.length);
  state[0] = format;
  state.set(bytes, 1);
  return state;
}
