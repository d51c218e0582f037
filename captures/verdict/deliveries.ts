import type { FlowName } from "../../agents/control/records.ts";
import { fromOutside, isOutside } from "./ends.ts";
import type { History, HistoryHost, HostMessage, HostUpdate } from "./history.ts";
import { isAsynchronous, PolicyTimeline } from "./policy.ts";
import type { Succession } from "./tenures.ts";
import { successionOf, tenureAt } from "./tenures.ts";

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
  /**
   * Asynchronous policies: deliveries of an instance that its successor knew nothing of. The application
   * went back with the association to what was held, so they never were; and echoes of such deliveries.
   */
  readonly rolledBack: readonly Delivery[];
}

interface OpenStream {
  readonly flow: FlowName;
  readonly streamId: number;
  readonly byNumber: Map<number, Delivery[]>;
  readonly order: Delivery[][];
}

export const streamKey = (flow: FlowName, streamId: number): string => `${flow}/${streamId}`;

/** Under which epoch a host handled a replication sequence: after a roll-back, one number has had two. */
class EpochBook {
  readonly #entries = new Map<string, { readonly at: number; readonly epoch: number }[]>();

  /** @param updates by time, oldest first */
  constructor(updates: readonly HostUpdate[]) {
    for (const { host, sequence, at, epoch, change } of updates) {
      // A whole state has the number of the last update in it, and says nothing of who made that one.
      if (change === "opened" && sequence > 1) continue;
      const key = `${host}/${sequence}`;
      const known = this.#entries.get(key);
      if (known === undefined) this.#entries.set(key, [{ at, epoch }]);
      else if (known.at(-1)?.epoch !== epoch) known.push({ at, epoch });
    }
  }

  epochOf({ host, sequence, at }: HostMessage): number | undefined {
    if (sequence === undefined) return undefined;
    const entries = this.#entries.get(`${host}/${sequence}`);
    return (entries?.findLast((entry) => entry.at <= at) ?? entries?.[0])?.epoch;
  }
}

/**
 * Finds what was rolled back: a later epoch gave the same replication sequence out again, so its instance
 * did not hold the update. With output commit that is never so, and such a delivery counts.
 */
class RollBack {
  readonly #firstMade: readonly { readonly epoch: number; readonly sequence: number }[];
  readonly #excusing: ReadonlySet<number>;

  constructor(history: History, { tenures }: Succession) {
    const policies = new PolicyTimeline(history, tenures);
    const first = new Map<number, number>();
    for (const { act, epoch, sequence, host, at } of history.updates) {
      if (act !== "made" || tenureAt(tenures, at)?.host !== host) continue;
      first.set(epoch, Math.min(sequence, first.get(epoch) ?? sequence));
    }
    this.#firstMade = [...first].map(([epoch, sequence]) => ({ epoch, sequence }));
    const asynchronous = tenures.filter(
      ({ toUs }) => toUs !== undefined && isAsynchronous(policies.at(toUs)),
    );
    this.#excusing = new Set(asynchronous.map(({ epoch }) => epoch));
  }

  covers({ epoch, sequence }: Delivery): boolean {
    if (epoch === undefined || sequence === undefined || !this.#excusing.has(epoch)) return false;
    return this.#firstMade.some((later) => later.epoch > epoch && later.sequence <= sequence);
  }
}

/** What is known of the deliveries of one end that is a cluster. */
interface ReceivingEnd {
  readonly epochs: EpochBook;
  readonly rollBack: RollBack;
}

/** The ends that are clusters, by their hosts: a single computer's own numbers say nothing, and nobody goes back behind them. */
class ReceivingEnds {
  readonly #byHost = new Map<string, ReceivingEnd>();

  constructor(history: History, succession: Succession) {
    const near: ReceivingEnd = {
      epochs: new EpochBook(history.updates),
      rollBack: new RollBack(history, succession),
    };
    const across = fromOutside(history);
    const far = across && {
      epochs: near.epochs,
      rollBack: new RollBack(across, successionOf(across.hosts, across.events, across.updates)),
    };
    const add = (host: HistoryHost, end: ReceivingEnd | undefined): void => {
      if (end !== undefined) this.#byHost.set(host.name, end);
    };
    for (const host of history.hosts) add(host, isOutside(host) ? far : near);
  }

  of(host: string): ReceivingEnd | undefined {
    return this.#byHost.get(host);
  }

  rolledBack(delivery: Delivery): boolean {
    return this.of(delivery.host)?.rollBack.covers(delivery) === true;
  }
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
 * On a cluster, where two computers report on two clocks, the updates give the order.
 */
function inReceiverOrder(order: readonly Delivery[][], ends: ReceivingEnds): Delivery[] {
  const taken = new Map<Delivery[], number>();
  const deliveries: Delivery[] = [];
  for (const copies of order) {
    const next = taken.get(copies) ?? 0;
    taken.set(copies, next + 1);
    const delivery = copies[next];
    if (delivery !== undefined) deliveries.push(delivery);
  }
  if (deliveries.every(({ sequence, host }) => sequence !== undefined && ends.of(host) !== undefined)) {
    deliveries.sort((left, right) => (left.sequence ?? 0) - (right.sequence ?? 0));
  }
  return deliveries;
}

/**
 * The deliveries of a run by `streamKey`: on a cluster ordered by update, at a single peer by record.
 *
 * @param succession of the same history, where the caller has worked it out already
 */
export function collectDeliveries(
  history: History,
  succession: Succession = successionOf(history.hosts, history.events, history.updates),
): ReadonlyMap<string, StreamDeliveries> {
  const ends = new ReceivingEnds(history, succession);
  const outside = new Set(history.hosts.filter(isOutside).map(({ name }) => name));
  const streams = new Map<string, OpenStream>();
  for (const message of history.messages) {
    if (message.act !== "delivered") continue;
    // An application may send back what it got, byte for byte: that is no delivery of the flow.
    const atPeer = outside.has(message.host);
    if ((message.flow === "up" && atPeer) || (message.flow === "down" && !atPeer)) continue;
    const key = streamKey(message.flow, message.streamId);
    let stream = streams.get(key);
    if (stream === undefined) {
      stream = { flow: message.flow, streamId: message.streamId, byNumber: new Map(), order: [] };
      streams.set(key, stream);
    }
    addReport(stream, message, ends.of(message.host)?.epochs.epochOf(message));
  }
  const collected = new Map<string, StreamDeliveries>();
  const collect = (stream: OpenStream, isVoid: (delivery: Delivery) => boolean): void => {
    const { flow, streamId } = stream;
    const all = inReceiverOrder(stream.order, ends);
    const rolledBack = all.filter(isVoid);
    const deliveries = rolledBack.length === 0 ? all : all.filter((delivery) => !isVoid(delivery));
    collected.set(streamKey(flow, streamId), { flow, streamId, deliveries, rolledBack });
  };
  const isRolledBack = (delivery: Delivery): boolean => ends.rolledBack(delivery);
  const echoes = [...streams.values()].filter(({ flow }) => flow === "echo");
  for (const stream of streams.values()) if (stream.flow !== "echo") collect(stream, isRolledBack);
  for (const stream of echoes) {
    const answersVoid = answersOfVoid(collected.get(streamKey("down", stream.streamId)));
    collect(stream, (delivery) => isRolledBack(delivery) || answersVoid(delivery));
  }
  return collected;
}

/**
 * An outside end that went back is given messages of `down` again, and answers them again: an echo from before then
 * answers a delivery that never was, and stands in no order with the others.
 */
function answersOfVoid(down: StreamDeliveries | undefined): (echo: Delivery) => boolean {
  const undone = new Set(down?.rolledBack.map(({ number }) => number));
  const again = new Map(down?.deliveries.map(({ number, at }) => [number, at]));
  return ({ number, at }) => undone.has(number) && at < (again.get(number) ?? Number.POSITIVE_INFINITY);
}
