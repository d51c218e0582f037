import type { Reliability } from "../tx/send-state.ts";

export type ReliabilityPolicy = Reliability["policy"];

/** User messages of one stream and policy that were given up (RFC 7496 section 4.3). */
export interface AbandonedMessages {
  readonly streamId: number;
  readonly policy: ReliabilityPolicy;
  /** Before any part of them was sent. */
  readonly unsent: number;
  /** After a part of them was sent. */
  readonly sent: number;
}

/** Counts what was given up: at most one entry for each stream and policy. */
export class AbandonmentCounter {
  readonly #counts: Map<string, AbandonedMessages> = new Map<string, AbandonedMessages>();

  count(streamId: number, policy: ReliabilityPolicy, wasSent: boolean): void {
    const key = `${streamId} ${policy}`;
    const { unsent = 0, sent = 0 } = this.#counts.get(key) ?? {};
    const next = wasSent ? { unsent, sent: sent + 1 } : { unsent: unsent + 1, sent };
    this.#counts.set(key, { streamId, policy, ...next });
  }

  snapshot(): readonly AbandonedMessages[] {
    return [...this.#counts.values()];
  }

  restore(counts: readonly AbandonedMessages[]): void {
    this.#counts.clear();
    for (const each of counts) this.#counts.set(`${each.streamId} ${each.policy}`, each);
  }
}
