import type { ObservedPacket } from "./history.ts";

/** One packet on its way: what was seen of it at its two ends. */
export interface JoinedTransmission {
  /** The observation at the sending end, else the only one there is. */
  readonly packet: ObservedPacket;
  readonly sent?: ObservedPacket;
  readonly received?: ObservedPacket;
}

/**
 * Copies of one packet that leave closer together than this are paired with their arrivals in order;
 * above it, an arrival belongs to the newest copy, because the older one was lost. It lies well below
 * the smallest retransmission timeout in use (100 ms) and well above the transit time in a lab.
 */
const burstMicros = 20_000;

interface Joining {
  packet: ObservedPacket;
  sent?: ObservedPacket;
  received?: ObservedPacket;
}

/** Two observations with the same key show the same bytes on the same path. */
function wireKey(packet: ObservedPacket): string {
  const { sctp } = packet;
  return `${sctp.checksum}/${sctp.sourceAddress}/${sctp.destinationAddress}/${sctp.verificationTag}/${sctp.sctpBytes}`;
}

/** Takes the departure that an arrival belongs to out of `waiting`, which is ordered by time. */
function takeDeparture(waiting: Joining[], arrivedAt: number, slackMicros: number): Joining | undefined {
  let last = waiting.length - 1;
  while (last >= 0 && (waiting[last] as Joining).packet.at > arrivedAt + slackMicros) last -= 1;
  if (last < 0) return undefined;
  const newestAt = (waiting[last] as Joining).packet.at;
  let first = last;
  while (first > 0 && (waiting[first - 1] as Joining).packet.at >= newestAt - burstMicros) first -= 1;
  return waiting.splice(first, 1)[0];
}

/**
 * Joins the observations of each packet at its sender's and its receiver's interface: same addresses,
 * same checksum and size, in order. Observations at neither end count only where no end saw the packet.
 *
 * @param packets all observations, oldest first
 * @param slackMicros by how much an arrival may be stamped before its departure: the sum of both clock errors
 * @returns one item per transmission, ordered by the stamp of its `packet`
 */
export function joinTransmissions(
  packets: readonly ObservedPacket[],
  slackMicros: number,
): readonly JoinedTransmission[] {
  const all: Joining[] = [];
  const waiting = new Map<string, Joining[]>();
  const seenAtAnEnd = new Set<string>();
  for (const packet of packets) {
    if (packet.direction === "other") continue;
    const key = wireKey(packet);
    seenAtAnEnd.add(key);
    if (packet.direction !== "out") continue;
    const joining: Joining = { packet, sent: packet };
    all.push(joining);
    const queue = waiting.get(key);
    if (queue === undefined) waiting.set(key, [joining]);
    else queue.push(joining);
  }
  const bystanders = new Map<string, string>();
  for (const packet of packets) {
    const key = wireKey(packet);
    if (packet.direction === "in") {
      const departure = takeDeparture(waiting.get(key) ?? [], packet.at, slackMicros);
      if (departure === undefined) all.push({ packet, received: packet });
      else departure.received = packet;
    } else if (packet.direction === "other" && !seenAtAnEnd.has(key)) {
      // One bystander speaks for each packet, so that two of them do not make it two packets.
      const speaker = `${packet.host}/${packet.interfaceName}`;
      const chosen = bystanders.get(key) ?? speaker;
      bystanders.set(key, chosen);
      if (chosen === speaker) all.push({ packet });
    }
  }
  return all.sort((left, right) => left.packet.at - right.packet.at || left.packet.id - right.packet.id);
}
