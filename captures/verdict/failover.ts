import type { FlowName } from "../../agents/control/records.ts";
import type { BorrowedAddress } from "./borrowed-addresses.ts";
import { borrowedAddresses } from "./borrowed-addresses.ts";
import type { Delivery, StreamDeliveries } from "./deliveries.ts";
import { collectDeliveries } from "./deliveries.ts";
import type { FaultMark, History, HistoryHost, HostEvent, ObservedPacket } from "./history.ts";
import type { Succession } from "./tenures.ts";
import { successionOf } from "./tenures.ts";

/** A delivery that shows that a flow works again, and the message it belongs to. */
export interface Restoration {
  readonly flow: FlowName;
  readonly at: number;
  readonly host: string;
}

/**
 * The instants of a failover in the words of RFC 6414: the failover event, its detection, the first
 * packet on the backup path (recovery), and the restoration of the service. Absent: not recorded.
 */
export interface FailoverInstants {
  readonly fault?: FaultMark;
  readonly detected?: HostEvent;
  /** When another instance first went on with the association: after a fault, or as planned. */
  readonly takeover?: { readonly at: number; readonly host: string };
  /** First packet out of the secondary's interface, after it took over, that is more than an answer to a HEARTBEAT. */
  readonly firstPacket?: ObservedPacket;
  /** The lost member's address is on the computer of who took over. */
  readonly addressTaken?: BorrowedAddress;
  /** The moment at which the last of the flows had delivered a message sent after the fault. */
  readonly restored?: Restoration;
}

const onlyAnswersHeartbeats = (packet: ObservedPacket): boolean =>
  packet.sctp.chunks.every((chunk) => chunk.type === "HEARTBEAT_ACK");

/** Marks that break nothing by themselves. */
const harmlessMarks: ReadonlySet<string> = new Set(["heal", "announce", "handover"]);

/** Whether the mark breaks something: not the end of a fault, and not the word of one that is coming. */
export const breaksSomething = (mark: FaultMark): boolean => !harmlessMarks.has(mark.fault);

function failoverEvent(history: History, primary: HistoryHost | undefined): FaultMark | undefined {
  const broken = history.faults.filter(breaksSomething);
  // A planned switch-over breaks nothing: then its own mark is the event.
  const faults = broken.length > 0 ? broken : history.faults.filter((mark) => mark.fault !== "heal");
  return faults.find((mark) => mark.host === primary?.name) ?? faults[0];
}

/** Per stream of a flow, the number from which on messages were sent after `since`; absent: none was. */
function firstNumbersAfter(history: History, flow: FlowName, since: number): ReadonlyMap<number, number> {
  const before = new Map<number, number>();
  const after = new Map<number, number>();
  for (const message of history.messages) {
    if (message.act !== "sent" || message.flow !== flow) continue;
    const { streamId, number } = message;
    if (message.at <= since) before.set(streamId, Math.max(before.get(streamId) ?? -1, number));
    else after.set(streamId, Math.min(after.get(streamId) ?? number, number));
  }
  // The secondary may report a message later than the primary that took it in: the earlier report counts.
  for (const [streamId, number] of after) {
    after.set(streamId, Math.max(number, (before.get(streamId) ?? -1) + 1));
  }
  return after;
}

/** From which instants on a message proves that the service is back. */
interface Since {
  /** It was sent after this. */
  readonly sent: number;
  /** It was delivered after this: a killed process may still deliver for an instant after the order. */
  readonly delivered: number;
}

/** The first delivery, by time, of a message of the flow that proves its restoration. */
function firstRestored(
  history: History,
  flow: FlowName,
  streams: readonly StreamDeliveries[],
  since: Since,
): Delivery | undefined {
  const numbers = firstNumbersAfter(history, flow, since.sent);
  let first: Delivery | undefined;
  for (const { streamId, deliveries } of streams) {
    const from = numbers.get(streamId) ?? Number.POSITIVE_INFINITY;
    for (const delivery of deliveries) {
      if (delivery.number < from || delivery.at <= since.delivered) continue;
      if (first === undefined || delivery.at < first.at) first = delivery;
    }
  }
  return first;
}

function restorationOf(
  history: History,
  deliveries: ReadonlyMap<string, StreamDeliveries>,
  since: Since,
): Restoration | undefined {
  const all = [...deliveries.values()];
  let last: Restoration | undefined;
  for (const flow of new Set(all.map((stream) => stream.flow))) {
    const streams = all.filter((stream) => stream.flow === flow);
    const first = firstRestored(history, flow, streams, since);
    // A flow that never came back means that the service was not restored.
    if (first === undefined) return undefined;
    if (last === undefined || first.at > last.at) last = { flow, at: first.at, host: first.host };
  }
  return last;
}

/** @param deliveries and `succession` of the same history, where the caller has them already */
export function failoverInstants(
  history: History,
  deliveries: ReadonlyMap<string, StreamDeliveries> = collectDeliveries(history),
  { tenures }: Succession = successionOf(history.hosts, history.events, history.updates),
): FailoverInstants {
  const primary = history.hosts.find((host) => host.role === "primary");
  const secondary = history.hosts.find((host) => host.role === "secondary");
  const fault = failoverEvent(history, primary);
  const detected = history.events.find(
    ({ name, host }) => name === "primary-lost" && host === secondary?.name,
  );
  const successor = tenures[1];
  const takeover = successor === undefined ? undefined : { at: successor.fromUs, host: successor.host };
  // Before the takeover the secondary only relays for a primary that lives.
  const servedFrom = Math.max(fault?.at ?? 0, takeover?.at ?? 0);
  const firstPacket =
    fault === undefined
      ? undefined
      : history.packets.find(
          (packet) =>
            packet.host === secondary?.name &&
            packet.direction === "out" &&
            packet.at >= servedFrom &&
            !onlyAnswersHeartbeats(packet),
        );
  const addressTaken = borrowedAddresses(history.events).find(({ fromUs }) => fromUs >= servedFrom);
  const since = { sent: fault?.at ?? 0, delivered: servedFrom };
  const restored = fault === undefined ? undefined : restorationOf(history, deliveries, since);
  return {
    ...(fault === undefined ? {} : { fault }),
    ...(detected === undefined ? {} : { detected }),
    ...(takeover === undefined ? {} : { takeover }),
    ...(firstPacket === undefined ? {} : { firstPacket }),
    ...(addressTaken === undefined ? {} : { addressTaken }),
    ...(restored === undefined ? {} : { restored }),
  };
}
