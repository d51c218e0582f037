import type { ApplicationMessage, Load, NumberedApplication } from "../application/index.ts";
import { echoOf, readTestMessage } from "../application/index.ts";
import type { FlowTotal } from "../control/records.ts";
import type { Delivery, Endpoint, Notification, SendAnswer } from "../sctp/index.ts";
import { EchoBacklog } from "./echo-backlog.ts";
import type { InstanceRecord } from "./records.ts";
import { epochMicros, eventRecord } from "./records.ts";

export interface ApplicationSideOptions {
  readonly endpoint: Endpoint;
  readonly application: NumberedApplication;
  /** Whether `down` messages are sent back: the outside computer does. */
  readonly echoes: boolean;
  /** Whether the application's state moves with the association. */
  readonly saves: boolean;
}

/** Messages that are numbered in one turn at most, so that a late timer makes no burst without bound. */
const largestBurst = 200;
/** When the send buffer is full, the application tries again after this time. */
const retryMs = 5;

/** The application on top of an endpoint: takes what is delivered, sends what is due, saves its state. */
export class ApplicationSide {
  readonly #options: ApplicationSideOptions;
  readonly #echoes: EchoBacklog = new EchoBacklog();
  #retryAtMs: number | undefined;
  #handle: number | undefined;
  #savedUserState: string = "";
  #records: InstanceRecord[] = [];

  constructor(options: ApplicationSideOptions) {
    this.#options = options;
  }

  /** The association that the load runs on. */
  get association(): number | undefined {
    return this.#handle;
  }

  takeRecords(): InstanceRecord[] {
    return this.#records.splice(0);
  }

  /** Goes on where another instance saved its state. */
  resume(handle: number, userState: Uint8Array): void {
    this.#handle = handle;
    this.#options.application.restore(userState);
  }

  start(load: Load, nowMs: number): void {
    this.#options.application.start(load, nowMs);
    const text = `load starts: ${load.ratePerSecond} messages of ${load.sizeBytes} bytes a second on ${load.streams} streams`;
    this.#event("load-started", text, nowMs);
  }

  stop(nowMs: number): void {
    if (!this.#options.application.running) return;
    this.#options.application.stop();
    this.#event("load-stopped", "load stops", nowMs);
  }

  get totals(): readonly FlowTotal[] {
    return this.#options.application.totals();
  }

  /** Nothing waits for room. */
  get isIdle(): boolean {
    return this.#echoes.isEmpty;
  }

  noticed(association: number, notification: Notification): void {
    if (notification.type !== "association-change") return;
    // A stranger who connects too gets no part of the load.
    if (notification.state === "comm-up") this.#handle ??= association;
    else if (this.#handle === association) this.#handle = undefined;
    this.#savedUserState = "";
  }

  deliver(delivery: Delivery, nowMs: number): void {
    const message = this.#options.echoes ? readTestMessage(delivery.payload) : undefined;
    const echo = message === undefined ? undefined : echoOf(message, nowMs);
    if (echo !== undefined && delivery.association === this.#handle) this.#queueEcho(echo, nowMs);
    this.#sendEchoes(nowMs);
  }

  /** Sends what is due; with `held` nothing new is numbered, as long as the replication is too far behind. */
  run(held: boolean, nowMs: number): void {
    if (this.#handle === undefined) return;
    this.#sendEchoes(nowMs);
    const { application } = this.#options;
    if (held) {
      this.#retryAtMs = application.running ? nowMs + retryMs : undefined;
      return;
    }
    for (let count = 0; count < largestBurst; count++) {
      const message = application.due(nowMs);
      if (message === undefined) return;
      const answer = this.#send(message, nowMs);
      if (answer === "no-such-stream" || answer === "bad-length") {
        this.#refused(message, answer, nowMs);
        this.stop(nowMs);
        return;
      }
      if (answer !== "accepted") break;
      application.accepted();
    }
    this.#retryAtMs = nowMs + retryMs;
  }

  /** The application's state moves with the association: it is an update like any other. */
  save(): void {
    if (this.#handle === undefined || !this.#options.saves) return;
    const userState = this.#options.application.snapshot();
    const text = userState.join();
    if (text === this.#savedUserState) return;
    this.#savedUserState = text;
    this.#options.endpoint.saveUserState(this.#handle, userState);
  }

  nextDeadlineMs(): number | undefined {
    if (this.#retryAtMs !== undefined || this.#handle === undefined) return this.#retryAtMs;
    return this.#options.application.nextDeadlineMs();
  }

  advance(nowMs: number): void {
    if (this.#retryAtMs !== undefined && this.#retryAtMs <= nowMs) this.#retryAtMs = undefined;
  }

  #queueEcho(echo: ApplicationMessage, nowMs: number): void {
    if (this.#echoes.add(echo)) return;
    const { flow, streamId, number } = echo.about;
    const text = `too many echoes wait for room: ${flow} ${number} of stream ${streamId} is not sent`;
    this.#event("note", text, nowMs);
  }

  #sendEchoes(nowMs: number): void {
    this.#echoes.drain((echo) => {
      const answer = this.#send(echo, nowMs);
      if (answer === "queue-full" || answer === "not-connected") return false;
      if (answer !== "accepted") this.#refused(echo, answer, nowMs);
      return true;
    });
  }

  /** A message that the association will never take: what was asked for does not fit what was agreed. */
  #refused(message: ApplicationMessage, answer: SendAnswer, nowMs: number): void {
    const { flow, number } = message.about;
    const reason = answer === "no-such-stream" ? "has no such stream" : "takes no message of that length";
    const text = `${flow} ${number} of stream ${message.streamId} cannot be sent: the association ${reason}`;
    this.#event("note", text, nowMs);
  }

  #send(message: ApplicationMessage, nowMs: number): SendAnswer {
    if (this.#handle === undefined) return "not-connected";
    const { streamId, payload, about } = message;
    const outgoing = { streamId, ppid: 0, unordered: false, payload };
    const answer = this.#options.endpoint.send(this.#handle, outgoing, nowMs);
    if (answer !== "accepted") return answer;
    const { flow, number, sizeBytes } = about;
    const sent = { act: "sent", flow, streamId, number, sizeBytes, intact: true } as const;
    this.#records.push({ kind: "message", at: epochMicros(nowMs), ...sent });
    return answer;
  }

  #event(name: Parameters<typeof eventRecord>[0], text: string, nowMs: number): void {
    this.#records.push(eventRecord(name, text, nowMs));
  }
}
