import { hold } from "../../sctp/checker/violation.ts";
import type { HistoryEvent, NumberedMessage } from "./history.ts";
import { processText } from "./history.ts";
import type { Missing } from "./losses.ts";
import { readNumbered } from "./test-message.ts";

export const messageText = ({ flow, streamId, number }: Missing): string =>
  `${flow} ${number} of stream ${streamId}`;

/** How many numbers of a flow and stream were given out. */
export interface SentTotal {
  readonly flow: string;
  readonly streamId: number;
  readonly sent: number;
}

/**
 * Every message reaches its application once, in the order of its stream. On the cluster an application
 * moves with the association: what an instance delivered counts as long as it, or its successor, holds the
 * update that says so. A takeover goes on from some update; what was delivered after that is undone.
 */
export class MessageLedger {
  /** By the number of the update. */
  readonly #cluster: Map<number, NumberedMessage> = new Map<number, NumberedMessage>();
  /** The highest update of a delivery that the world was told of. */
  #confirmed: number = 0;
  /** From which update the present primary went on. */
  #from: number = Infinity;
  /** It said that others may have seen more than that. */
  #lags: boolean = false;
  #epoch: number = 0;
  /** What the outside computer was given, by flow and stream. */
  readonly #peer: Map<string, Set<number>> = new Map<string, Set<number>>();
  readonly #dropped: Set<string> = new Set<string>();
  readonly #due: Map<string, number> = new Map<string, number>();
  readonly #mayLose: boolean;
  delivered: number = 0;

  /** `mayLose`: the policy allows it; each loss has to be accounted for then. */
  constructor(mayLose: boolean) {
    this.#mayLose = mayLose;
  }

  goesOn({ epoch, from, lags }: Extract<HistoryEvent, { kind: "primary" }>): void {
    this.#epoch = epoch;
    this.#from = from ?? Infinity;
    this.#lags = lags;
    // What was delivered after the last update that is held is void where the policy does not wait.
    if (lags) this.#confirmed = Math.min(this.#confirmed, this.#from);
    hold(this.#confirmed <= this.#from, "what an application was given is never undone", () => {
      return `update ${this.#confirmed} delivered a message, and epoch ${epoch} goes on from ${this.#from}`;
    });
    for (const sequence of this.#cluster.keys()) if (sequence > this.#from) this.#cluster.delete(sequence);
  }

  clusterDelivers(event: Extract<HistoryEvent, { kind: "cluster-delivers" }>): void {
    // A replaced instance that does not know it yet talks to itself.
    if (event.epoch < this.#epoch) return;
    const message = readNumbered(event.payload);
    hold(message?.intact === true, "no message is damaged", () => `update ${event.sequence}`);
    const before = this.#cluster.get(event.sequence);
    hold(before === undefined, "an update delivers one message", () => {
      return `update ${event.sequence} delivers ${messageText(message)}, and ${before && messageText(before)} before`;
    });
    this.#cluster.set(event.sequence, message);
    this.delivered += 1;
  }

  clusterConfirms(event: Extract<HistoryEvent, { kind: "cluster-confirms" }>): void {
    const { sequence, epoch } = event;
    if (this.#lags && epoch < this.#epoch) return;
    hold(epoch >= this.#epoch || sequence <= this.#from, "a replaced instance delivers nothing", () => {
      return `${processText(event)} of epoch ${epoch} tells of update ${sequence} in epoch ${this.#epoch}, which went on from ${this.#from}`;
    });
    this.#confirmed = Math.max(this.#confirmed, sequence);
  }

  peerDelivers(message: NumberedMessage): void {
    hold(message.intact, "no message is damaged", () => messageText(message));
    this.#inOrder(this.#due, message, "the peer");
    const key = `${message.flow} ${message.streamId}`;
    let known = this.#peer.get(key);
    if (known === undefined) this.#peer.set(key, (known = new Set<number>()));
    known.add(message.number);
    this.delivered += 1;
  }

  peerDropsEcho({ streamId, number }: Extract<HistoryEvent, { kind: "peer-drops-echo" }>): void {
    this.#dropped.add(`echo ${streamId} ${number}`);
  }

  /** The numbers of a stream rise by one; where the policy may lose something, they rise. */
  #inOrder(dues: Map<string, number>, message: Missing, receiver: string): void {
    const { flow, streamId, number } = message;
    const key = `${flow} ${streamId}`;
    const due = dues.get(key) ?? 0;
    const text = (): string => `${receiver} got ${messageText(message)} where ${due} was due`;
    hold(number >= due, "nothing is delivered twice", text);
    hold(number === due || this.#mayLose, "nothing is lost or overtaken", text);
    dues.set(key, number + 1);
  }

  /** What was delivered on the cluster has nothing twice and nothing out of order, and no gap where none may be. */
  checkCluster(): void {
    const dues = new Map<string, number>();
    for (const [, message] of [...this.#cluster].sort(([one], [other]) => one - other))
      this.#inOrder(dues, message, "the cluster");
  }

  /** What is still to be delivered of what was sent: `up` and `echo` to the cluster, `down` to the peer. */
  missing(totals: readonly SentTotal[]): Missing[] {
    const arrived = new Set(this.#dropped);
    for (const { flow, streamId, number } of this.#cluster.values())
      arrived.add(`${flow} ${streamId} ${number}`);
    const missing: Missing[] = [];
    const expect = (message: Missing): void => {
      const { flow, streamId, number } = message;
      if (!arrived.has(`${flow} ${streamId} ${number}`)) missing.push(message);
    };
    for (const { flow, streamId, sent } of totals) {
      const down = flow === "down" ? this.#downTo(streamId, sent) : undefined;
      for (let number = 0; number < sent; number++) {
        if (flow === "up") expect({ flow, streamId, number });
        else if (down?.has(number) === true) expect({ flow: "echo", streamId, number });
        else if (down !== undefined) missing.push({ flow, streamId, number });
      }
    }
    return missing;
  }

  /** What the outside computer was given of the flow that the cluster numbered so far. */
  #downTo(streamId: number, sent: number): ReadonlySet<number> {
    const key = `down ${streamId}`;
    const due = this.#due.get(key) ?? 0;
    hold(due <= sent, "nothing is delivered that nobody numbered", () => {
      return `the peer got ${messageText({ flow: "down", streamId, number: due - 1 })} of ${sent}`;
    });
    return this.#peer.get(key) ?? new Set<number>();
  }
}
