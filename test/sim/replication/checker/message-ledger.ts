import { hold } from "../../sctp/checker/violation.ts";
import type { HistoryEvent, NumberedMessage } from "./history.ts";
import { processText } from "./history.ts";

type Delivered = Extract<HistoryEvent, { kind: "cluster-delivers" }>;

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
  /** By association and number of the update. */
  readonly #cluster: Map<number, Map<number, NumberedMessage>> = new Map();
  /** From which updates the present primary went on. */
  #from: ReadonlyMap<number, number> = new Map<number, number>();
  #epoch: number = 0;
  readonly #peer: Map<string, number> = new Map<string, number>();
  delivered: number = 0;

  /** Deliveries that a takeover undid although an application had them. */
  goesOn(event: Extract<HistoryEvent, { kind: "primary" }>): void {
    this.#epoch = event.epoch;
    this.#from = new Map(event.from.map(({ association, sequence }) => [association, sequence]));
    for (const [association, messages] of this.#cluster) {
      const base = this.#from.get(association);
      if (base === undefined) continue;
      for (const [sequence, message] of messages) {
        hold(sequence <= base, "what an application was given is never undone", () => {
          return `${messageText(message)} was delivered as update ${sequence}, and epoch ${event.epoch} goes on from ${base}`;
        });
      }
    }
  }

  clusterDelivers(event: Delivered): void {
    const { association, sequence, epoch } = event;
    hold(event.intact, "no message is damaged", () => messageText(event));
    let messages = this.#cluster.get(association);
    if (messages === undefined) this.#cluster.set(association, (messages = new Map()));
    const before = messages.get(sequence);
    if (before === undefined) {
      const base = this.#from.get(association) ?? Infinity;
      hold(epoch >= this.#epoch || sequence <= base, "a replaced instance delivers nothing", () => {
        return `${processText(event)} of epoch ${epoch} delivers ${messageText(event)}, update ${sequence}, in epoch ${this.#epoch}`;
      });
      messages.set(sequence, event);
      this.delivered += 1;
      return;
    }
    hold(messageText(before) === messageText(event), "an update delivers one message", () => {
      return `update ${sequence} is ${messageText(before)} and ${messageText(event)}`;
    });
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

  /** Of every flow and stream, what was delivered on the cluster, in the order of the updates. */
  #onCluster(): Map<string, number[]> {
    const found = new Map<string, number[]>();
    for (const messages of this.#cluster.values()) {
      for (const [, { flow, streamId, number }] of [...messages].sort(([a], [b]) => a - b)) {
        const key = `${flow} ${streamId}`;
        const numbers = found.get(key);
        if (numbers === undefined) found.set(key, [number]);
        else numbers.push(number);
      }
    }
    return found;
  }

  /** What is delivered on the cluster has no gap, nothing twice and nothing out of order. */
  checkCluster(): Map<string, number[]> {
    const found = this.#onCluster();
    for (const [key, numbers] of found) {
      numbers.forEach((number, index) => {
        const property = number < index ? "nothing is delivered twice" : "nothing is lost or overtaken";
        hold(number === index, property, () => `the cluster got ${key} ${number} where ${index} was due`);
      });
    }
    return found;
  }

  /** How many are still to be delivered of what was sent: `up` and `echo` to the cluster, `down` to the peer. */
  missing(totals: readonly SentTotal[]): number {
    const counts = new Map<string, number>();
    for (const messages of this.#cluster.values()) {
      for (const { flow, streamId } of messages.values()) {
        const key = `${flow} ${streamId}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    let missing = 0;
    for (const { flow, streamId, sent } of totals) {
      if (flow === "up") missing += Math.abs(sent - (counts.get(`up ${streamId}`) ?? 0));
      else {
        missing += Math.abs(sent - (this.#peer.get(`down ${streamId}`) ?? 0));
        missing += Math.abs(sent - (counts.get(`echo ${streamId}`) ?? 0));
      }
    }
    return missing;
  }
}
