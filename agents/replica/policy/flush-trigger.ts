import type { AssociationState, AssociationUpdate } from "../../sctp/index.ts";
import type { EventExpression, SignName } from "./event-expression.ts";
import { evaluate, mentions } from "./event-expression.ts";
import { isStructural } from "./excuse.ts";
import { Progress } from "./progress.ts";
import type { ReplicationPolicy } from "./replication.ts";

/** What one turn of the instance brought. */
export interface TurnNews {
  readonly updates: readonly {
    readonly association: number;
    readonly update: AssociationUpdate;
    /** As it goes over the link. */
    readonly bytes: Uint8Array;
  }[];
  /** Messages of the peer of which the last byte was delivered to the application. */
  readonly messagesDelivered: number;
  /** A path of any association changed its state. */
  readonly pathChanged: boolean;
  /** State of an association at the end of the turn; undefined when it has ended. */
  readonly stateOf: (association: number) => AssociationState | undefined;
}

/** What is to go to the holder now. */
export type Flush =
  | { readonly kind: "nothing" }
  /** All updates that wait, in the order in which they were made. */
  | { readonly kind: "updates" }
  /** Whole states: the updates since the holder's last state were not kept. */
  | { readonly kind: "states"; readonly associations: "all" | readonly number[] };

/** What was made since the holder was last brought up to date. */
export interface Lag {
  readonly updates: number;
  readonly bytes: number;
  /** When the first of them was made; undefined when the holder lacks nothing. */
  readonly sinceMs: number | undefined;
}

const nothing: Flush = { kind: "nothing" };
const waitingUpdates: Flush = { kind: "updates" };
const allStates: Flush = { kind: "states", associations: "all" };

/** So much waits at most, whatever the policy says: nobody keeps updates without bound. */
const maxWaitingBytes = 1024 * 1024;

/**
 * Says when a policy brings the holder up to date. Pure: it is told of every turn and of time, and answers
 * what is to go out; an answer other than `nothing` counts as carried out.
 */
export class FlushTrigger {
  #policy: ReplicationPolicy;
  /** The failure that `impending-failure` waits for has been announced or detected. */
  #failureImpends: boolean = false;
  #updates: number = 0;
  #bytes: number = 0;
  #messages: number = 0;
  #sinceMs: number | undefined;
  readonly #signs: Record<SignName, boolean> = {
    "path-change": false,
    "message-boundary": false,
    command: false,
  };
  #progress: Progress = new Progress();

  constructor(policy: ReplicationPolicy) {
    this.#policy = policy;
  }

  get policy(): ReplicationPolicy {
    return this.#policy;
  }

  /** Whether packets leave before the holder has what they depend on (see `excuseOf`). */
  get excuses(): boolean {
    return !this.#commitsNow;
  }

  /** Whether updates are kept until they are flushed; otherwise whole states go out. */
  get keepsUpdates(): boolean {
    return this.#policy.kind !== "impending-failure" || this.#commitsNow;
  }

  get lag(): Lag {
    return { updates: this.#updates, bytes: this.#bytes, sinceMs: this.#sinceMs };
  }

  get #commitsNow(): boolean {
    if (this.#policy.kind === "every-update") return true;
    if (this.#policy.kind !== "impending-failure") return false;
    return this.#failureImpends && this.#policy.afterwards === "every-update";
  }

  /** What waits is judged by the new policy at once. */
  setPolicy(policy: ReplicationPolicy): Flush {
    const kept = this.keepsUpdates;
    this.#policy = policy;
    this.#failureImpends = false;
    this.#progress = new Progress();
    if (this.#sinceMs === undefined) return nothing;
    if (!kept && this.keepsUpdates) return this.#flush(allStates);
    // Nobody keeps from now on what waits so far.
    if (kept && !this.keepsUpdates) return this.#flush(waitingUpdates);
    return this.#judge();
  }

  /** Call with the news of every turn that has any. */
  turn(news: TurnNews, nowMs: number): Flush {
    const structural = this.#count(news, nowMs);
    if (this.#sinceMs === undefined) {
      this.clear();
      return nothing;
    }
    if (!this.keepsUpdates) {
      return structural.size === 0 ? nothing : { kind: "states", associations: [...structural] };
    }
    const due = structural.size > 0 || this.#bytes > maxWaitingBytes;
    const flush = due ? this.#flush(waitingUpdates) : this.#judge();
    this.#signs["message-boundary"] = false;
    return flush;
  }

  /** Answers the associations with structural updates. */
  #count({ updates, messagesDelivered, pathChanged, stateOf }: TurnNews, nowMs: number): Set<number> {
    const structural = new Set<number>();
    let messages = messagesDelivered;
    for (const { association, update, bytes } of updates) {
      this.#bytes += bytes.length;
      if (update.kind === "messageQueued") messages += 1;
      if (isStructural(update)) structural.add(association);
    }
    this.#updates += updates.length;
    this.#messages += messages;
    if (messages > 0) this.#signs["message-boundary"] = true;
    if (pathChanged) this.#signs["path-change"] = true;
    if (updates.length > 0) this.#sinceMs ??= nowMs;
    if (this.#policy.kind === "event" && mentions(this.#policy.when, "tsns")) {
      this.#progress.follow(updates, stateOf);
    }
    return structural;
  }

  /** The operator wants the holder brought up to date. An event that names `command` decides for itself. */
  command(): Flush {
    if (this.#sinceMs === undefined) return nothing;
    if (!this.keepsUpdates) return this.#flush(allStates);
    if (this.#policy.kind !== "event" || !mentions(this.#policy.when, "command")) {
      return this.#flush(waitingUpdates);
    }
    this.#signs.command = true;
    return this.#judge();
  }

  /** A failure was announced or detected. Means something to `impending-failure` only, and once. */
  failureImpends(): Flush {
    if (this.#policy.kind !== "impending-failure" || this.#failureImpends) return nothing;
    this.#failureImpends = true;
    return this.#flush(allStates);
  }

  /** Undefined as long as nothing waits for time to pass. */
  nextDeadlineMs(): number | undefined {
    if (this.#policy.kind !== "interval" || this.#sinceMs === undefined) return undefined;
    return this.#sinceMs + this.#policy.intervalMs;
  }

  advance(nowMs: number): Flush {
    const dueMs = this.nextDeadlineMs();
    return dueMs === undefined || dueMs > nowMs ? nothing : this.#flush(waitingUpdates);
  }

  /** The holder lacks nothing: full synchronisation is complete, or there is no holder. */
  clear(): void {
    this.#flush(nothing);
  }

  /** Whether what waits is to go now, time aside. */
  #judge(): Flush {
    const policy = this.#policy;
    if (this.#commitsNow) return this.#flush(waitingUpdates);
    if (policy.kind !== "event" || !this.#holds(policy.when)) return nothing;
    return this.#flush(waitingUpdates);
  }

  #holds(when: EventExpression): boolean {
    const counters = {
      updates: this.#updates,
      bytes: this.#bytes,
      tsns: this.#progress.tsns,
      messages: this.#messages,
    };
    return evaluate(when, { counters, signs: this.#signs });
  }

  #flush(flush: Flush): Flush {
    this.#updates = 0;
    this.#bytes = 0;
    this.#messages = 0;
    this.#sinceMs = undefined;
    this.#progress.clear();
    this.#signs["path-change"] = false;
    this.#signs["message-boundary"] = false;
    this.#signs.command = false;
    return flush;
  }
}
