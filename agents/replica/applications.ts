import type { Application, Load, LoadApplication, MessageToSend } from "../application/index.ts";
import { ApplicationRun, isLoadApplication } from "../application/index.ts";
import type { FlowTotal } from "../control/records.ts";
import type { Delivery, Endpoint, Notification, SendAnswer } from "../sctp/index.ts";
import type { InstanceRecord } from "./records.ts";
import { epochMicros, eventRecord } from "./records.ts";

export interface ApplicationsOptions {
  readonly endpoint: Endpoint;
  /** One for each association. */
  readonly makeApplication: () => Application;
  /** Whether their state moves with the associations. */
  readonly saves: boolean;
}

/**
 * The applications on top of an endpoint, one on each association: what is delivered goes to them, what they
 * want sent goes out, and their state is saved with the association. Only those are looked at that something
 * happened to, so thousands that are idle cost nothing.
 */
export class Applications {
  readonly #options: ApplicationsOptions;
  /** In the order in which their associations came up. */
  readonly #runs: Map<number, ApplicationRun> = new Map<number, ApplicationRun>();
  /** Something happened to them that they have not had their turn about. */
  readonly #touched: Set<number> = new Set<number>();
  /** Their state may differ from what was saved. */
  readonly #changed: Set<number> = new Set<number>();
  /** They have something to do at an instant to come. */
  readonly #timed: Set<number> = new Set<number>();
  readonly #records: InstanceRecord[] = [];

  constructor(options: ApplicationsOptions) {
    this.#options = options;
  }

  get associations(): Iterable<number> {
    return this.#runs.keys();
  }

  takeRecords(): InstanceRecord[] {
    return this.#records.splice(0);
  }

  /** Goes on where another instance saved the state; `unseenMessages` of its association may be newer than that. */
  resume(association: number, userState: Uint8Array, unseenMessages: number): void {
    this.#add(association).restore(userState, unseenMessages);
  }

  #add(association: number): ApplicationRun {
    const run = new ApplicationRun(this.#options.makeApplication(), {
      send: (message, nowMs) => this.#send(association, message, nowMs),
      consumed: (bytes, nowMs) => this.#options.endpoint.consumed(association, bytes, nowMs),
    });
    this.#runs.set(association, run);
    this.#touched.add(association);
    return run;
  }

  get #loadable(): (readonly [association: number, application: LoadApplication])[] {
    return [...this.#runs].flatMap(([association, { application }]) =>
      isLoadApplication(application) ? [[association, application] as const] : [],
    );
  }

  /**
   * Starts a load on each of the first `count` associations: a stranger who connects later gets no part of it.
   * Answers one sentence where that cannot be.
   */
  start(load: Load, count: number, nowMs: number): string | undefined {
    const chosen = this.#loadable.slice(0, count);
    if (chosen.length === 0) return "there is no association with an application that takes a load";
    if (chosen.length < count)
      return `a load on ${count} associations was asked for, and only ${chosen.length} can take one`;
    const text = `load starts: ${load.ratePerSecond} messages of ${load.sizeBytes} bytes a second on ${load.streams} streams`;
    for (const [association, application] of chosen) {
      application.start(load, nowMs);
      this.#touched.add(association);
      this.#records.push(eventRecord("load-started", text, nowMs, { association }));
    }
    return undefined;
  }

  stop(nowMs: number): void {
    for (const [association, application] of this.#loadable) {
      if (!application.running) continue;
      application.stop();
      this.#touched.add(association);
      this.#noteStopped(association, nowMs);
    }
  }

  #noteStopped(association: number, nowMs: number): void {
    this.#records.push(eventRecord("load-stopped", "load stops", nowMs, { association }));
  }

  /** Of each association that ever had a load. */
  get totals(): readonly FlowTotal[] {
    return this.#loadable.flatMap(([association, application]) =>
      application.totals().map((total) => ({ association, ...total })),
    );
  }

  /** Nothing waits for room. */
  get isIdle(): boolean {
    return [...this.#runs.values()].every(({ isIdle }) => isIdle);
  }

  noticed(association: number, notification: Notification, nowMs: number): void {
    switch (notification.type) {
      case "association-change":
        if (notification.state === "comm-up") {
          this.#add(association);
        } else this.#remove(association, nowMs);
        break;
      case "send-possible":
        this.#runs.get(association)?.roomAgain();
        this.#touched.add(association);
        break;
      case "partial-delivery-aborted":
        this.#runs.get(association)?.partialDeliveryAborted(notification);
        break;
      default:
        break;
    }
  }

  #remove(association: number, nowMs: number): void {
    const application = this.#runs.get(association)?.application;
    if (application !== undefined) {
      const { summary, counts } = application;
      this.#records.push(eventRecord("application", summary, nowMs, { association, ...counts }));
    }
    this.#runs.delete(association);
    this.#timed.delete(association);
  }

  deliver(delivery: Delivery, nowMs: number): void {
    this.#runs.get(delivery.association)?.deliver(delivery, nowMs);
    this.#touched.add(delivery.association);
  }

  /** Sends what is due; with `held` nothing is sent, as long as the replication is too far behind. */
  run(held: boolean, nowMs: number): void {
    for (const association of this.#timed) {
      const dueMs = this.#runs.get(association)?.nextDeadlineMs();
      if (dueMs !== undefined && dueMs <= nowMs) this.#touched.add(association);
    }
    const touched = [...this.#touched];
    this.#touched.clear();
    for (const association of touched) {
      const run = this.#runs.get(association);
      if (run === undefined) continue;
      this.#changed.add(association);
      const wasRunning = isRunning(run);
      run.turn(held, nowMs);
      if (wasRunning && !isRunning(run)) this.#noteStopped(association, nowMs);
      if (run.nextDeadlineMs() === undefined) this.#timed.delete(association);
      else this.#timed.add(association);
      for (const { name, text, detail } of run.takeNotes())
        this.#records.push(eventRecord(name, text, nowMs, { association, ...detail }));
    }
  }

  /** Something happened since the last `run`. */
  get wantTurn(): boolean {
    return this.#touched.size > 0;
  }

  /** The state of an application moves with its association: it is an update like any other. */
  save(): void {
    if (this.#options.saves) {
      for (const association of this.#changed) {
        const state = this.#runs.get(association)?.takeChangedState();
        if (state !== undefined) this.#options.endpoint.saveUserState(association, state);
      }
    }
    this.#changed.clear();
  }

  /** 0: at once. */
  nextDeadlineMs(): number | undefined {
    if (this.#touched.size > 0) return 0;
    let earliestMs: number | undefined;
    for (const association of this.#timed) {
      const dueMs = this.#runs.get(association)?.nextDeadlineMs();
      if (dueMs !== undefined && (earliestMs === undefined || dueMs < earliestMs)) earliestMs = dueMs;
    }
    return earliestMs;
  }

  #send(association: number, message: MessageToSend, nowMs: number): SendAnswer {
    const { streamId, payload, ppid = 0, unordered = false, about } = message;
    const answer = this.#options.endpoint.send(association, { streamId, ppid, unordered, payload }, nowMs);
    if (answer !== "accepted" || about === undefined) return answer;
    const { flow, number, sizeBytes } = about;
    const sent = { act: "sent", flow, streamId, number, sizeBytes, intact: true } as const;
    this.#records.push({ kind: "message", at: epochMicros(nowMs), association, ...sent });
    return answer;
  }
}

const isRunning = ({ application }: ApplicationRun): boolean =>
  isLoadApplication(application) && application.running;
