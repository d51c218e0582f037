import { hold } from "../../sctp/checker/violation.ts";
import type { HistoryEvent, NumberedMessage } from "./history.ts";
import { processText } from "./history.ts";
import { readNumbered } from "./test-message.ts";

const messageText = ({ flow, streamId, number }: NumberedMessage): string =>
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
  #epoch: number = 0;
  readonly #peer: Map<string, number> = new Map<string, number>();
  delivered: number = 0;

  goesOn({ epoch, from }: Extract<HistoryEvent, { kind: "primary" }>): void {
    this.#epoch = epoch;
    this.#from = from ?? Infinity;
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
    hold(epoch >= this.#epoch || sequence <= this.#from, "a replaced instance delivers nothing", () => {
      return `${processText(event)} of epoch ${epoch} tells of update ${sequence} in epoch ${this.#epoch}, which went on from ${this.#from}`;
    });
    this.#confirmed = Math.max(this.#confirmed, sequence);
  }

  peerDelivers(message: NumberedMessage): void {
    const { flow, streamId, number, intact } = message;
    hold(intact, "no message is damaged", () => messageText(message));
    const key = `${flow} ${streamId}`;
    const due = this.#peer.get(key) ?? 0;
    const property = number < due ? "nothing is delivered twice" : "nothing is lost or overtaken";
    hold(number === due, property, () => `the peer got ${messageText(message)} where ${due} was due`);
    this.#peer.set(key, due + 1);
    this.delivered += 1;
  }

  /** What was delivered on the cluster has no gap, nothing twice and nothing out of order. */
  checkCluster(): void {
    const due = new Map<string, number>();
    for (const [, message] of [...this.#cluster].sort(([one], [other]) => one - other)) {
      const key = `${message.flow} ${message.streamId}`;
      const index = due.get(key) ?? 0;
      const property = message.number < index ? "nothing is delivered twice" : "nothing is lost or overtaken";
      hold(message.number === index, property, () => {
        return `the cluster got ${messageText(message)} where ${index} was due`;
      });
      due.set(key, index + 1);
    }
  }

  /** How many are still to be delivered of what was sent: `up` and `echo` to the cluster, `down` to the peer. */
  missing(totals: readonly SentTotal[]): number {
    const counts = new Map<string, number>();
    for (const { flow, streamId } of this.#cluster.values()) {
      const key = `${flow} ${streamId}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    let missing = 0;
    for (const { flow, streamId, sent } of totals) {
      if (flow === "up") missing += Math.abs(sent - (counts.get(`up ${streamId}`) ?? 0));
      else if (flow === "down") {
        missing += Math.abs(sent - (this.#peer.get(`down ${streamId}`) ?? 0));
        missing += Math.abs(sent - (counts.get(`echo ${streamId}`) ?? 0));
      }
    }
    return missing;
  }
}
