import type { FlowName } from "../../agents/control/records.ts";
import type { History, HostMessage, HostUpdate } from "./history.ts";

/** One delivery of a numbered message to the receiving application, however many computers reported it. */
export interface Delivery {
  readonly number: number;
  /** The earliest report. */
  readonly at: number;
  readonly host: string;
  readonly intact: boolean;
  /** Sequence of the update that delivered it, where the receiver has such updates. */
  readonly sequence?: number;
  readonly epoch?: number;
  /** Every computer that reported it. */
  readonly reportedBy: readonly string[];
}

/** All deliveries of one flow and stream in the receiver's order, repeated ones included. */
export interface StreamDeliveries {
  readonly flow: FlowName;
  readonly streamId: number;
  readonly deliveries: readonly Delivery[];
}

interface OpenStream {
  readonly flow: FlowName;
  readonly streamId: number;
  readonly byNumber: Map<number, Delivery[]>;
  readonly order: Delivery[][];
}

export const streamKey = (flow: FlowName, streamId: number): string => `${flow}/${streamId}`;

function epochsByUpdate(updates: readonly HostUpdate[]): Map<string, number> {
  const epochs = new Map<string, number>();
  for (const update of updates) {
    const key = `${update.host}/${update.sequence}`;
    if (!epochs.has(key)) epochs.set(key, update.epoch);
  }
  return epochs;
}

/**
 * Both computers of the cluster report a delivery: the one that ran it and the one that holds its
 * update. The same sequence is the same delivery, unless the two are known to be of different epochs:
 * then a new primary gave the number out again, and the application got the message twice.
 */
function isSameDelivery(known: Delivery, message: HostMessage, epoch: number | undefined): boolean {
  if (known.reportedBy.includes(message.host)) return false;
  if (message.sequence === undefined || known.sequence !== message.sequence) return false;
  return known.epoch === undefined || epoch === undefined || known.epoch === epoch;
}

function addReport(stream: OpenStream, message: HostMessage, epoch: number | undefined): void {
  let copies = stream.byNumber.get(message.number);
  if (copies === undefined) {
    copies = [];
    stream.byNumber.set(message.number, copies);
  }
  const index = copies.findIndex((known) => isSameDelivery(known, message, epoch));
  const known = copies[index];
  const mergedEpoch = known?.epoch ?? epoch;
  const delivery: Delivery = {
    number: message.number,
    at: known === undefined ? message.at : Math.min(known.at, message.at),
    host: known !== undefined && known.at <= message.at ? known.host : message.host,
    intact: message.intact && (known?.intact ?? true),
    reportedBy: [...(known?.reportedBy ?? []), message.host],
    ...(message.sequence === undefined ? {} : { sequence: message.sequence }),
    ...(mergedEpoch === undefined ? {} : { epoch: mergedEpoch }),
  };
  if (known === undefined) {
    copies.push(delivery);
    stream.order.push(copies);
  } else {
    copies[index] = delivery;
  }
}

/**
 * `order` names the list of copies once for each copy, in the order in which they were first reported.
 * On the cluster, where two computers report on two clocks, the updates give the order.
 */
function inReceiverOrder(order: readonly Delivery[][], peers: ReadonlySet<string>): Delivery[] {
  const taken = new Map<Delivery[], number>();
  const deliveries: Delivery[] = [];
  for (const copies of order) {
    const next = taken.get(copies) ?? 0;
    taken.set(copies, next + 1);
    const delivery = copies[next];
    if (delivery !== undefined) deliveries.push(delivery);
  }
  if (deliveries.every(({ sequence, host }) => sequence !== undefined && !peers.has(host))) {
    deliveries.sort((left, right) => (left.sequence ?? 0) - (right.sequence ?? 0));
  }
  return deliveries;
}

/** The deliveries of a run by `streamKey`: on the cluster's side ordered by update, at the peer by record. */
export function collectDeliveries(history: History): ReadonlyMap<string, StreamDeliveries> {
  const epochs = epochsByUpdate(history.updates);
  const peers = new Set(history.hosts.filter((host) => host.role === "peer").map((host) => host.name));
  const streams = new Map<string, OpenStream>();
  for (const message of history.messages) {
    if (message.act !== "delivered") continue;
    const key = streamKey(message.flow, message.streamId);
    let stream = streams.get(key);
    if (stream === undefined) {
      stream = { flow: message.flow, streamId: message.streamId, byNumber: new Map(), order: [] };
      streams.set(key, stream);
    }
    addReport(
      stream,
      message,
      message.sequence === undefined ? undefined : epochs.get(`${message.host}/${message.sequence}`),
    );
  }
  const collected = new Map<string, StreamDeliveries>();
  for (const [key, { flow, streamId, order }] of streams) {
    collected.set(key, { flow, streamId, deliveries: inReceiverOrder(order, peers) });
  }
  return collected;
}
