import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import { captureGap } from "../completeness.ts";
import type { HistoryHost, HostSent, ObservedPacket } from "../history.ts";
import { tookItsRecords } from "../lost-records.ts";
import type { Scene } from "../scene.ts";

/** Record and packet carry the same checksum between the same addresses when they are the same packet. */
const keyOfSent = (record: HostSent): string => `${record.checksum}/${record.local}/${record.remote}`;
const keyOfPacket = ({ sctp }: ObservedPacket): string =>
  `${sctp.checksum}/${sctp.sourceAddress}/${sctp.destinationAddress}`;

/** A program's stamp of its own doing and the kernel's stamp of the packet lie this close together. */
const stampGrainMicros = 1_000;

/** An agent tries a packet that was refused again at once, which takes a busy computer this long; no retransmission is as early. */
const repeatMicros = 20_000;

interface Ledger {
  readonly sent: HostSent[];
  readonly seen: ObservedPacket[];
}

/** Pairs what an agent says it sent with what its interface showed; returns what has no partner. */
function unpaired(sent: readonly HostSent[], seen: readonly ObservedPacket[]): Ledger {
  const waiting = new Map<string, ObservedPacket[]>();
  for (const packet of seen) {
    const key = keyOfPacket(packet);
    const queue = waiting.get(key);
    if (queue === undefined) waiting.set(key, [packet]);
    else queue.push(packet);
  }
  const paired = new Map<string, number>();
  const missing = sent.filter((record) => {
    const packet = waiting.get(keyOfSent(record))?.shift();
    if (packet !== undefined) paired.set(keyOfSent(record), packet.at);
    return packet === undefined;
  });
  // An interface that refuses a packet shows it, and again when the agent tries once more at once.
  const isRepeat = (packet: ObservedPacket): boolean => {
    const at = paired.get(keyOfPacket(packet));
    return at !== undefined && Math.abs(packet.at - at) <= repeatMicros;
  };
  return { sent: missing, seen: [...waiting.values()].flat().filter((packet) => !isRepeat(packet)) };
}

/**
 * Where the two books cannot be compared: the capture stands from its first to its last packet, a
 * killed agent takes its last records with it, and a cut link swallows what is sent after the fault.
 */
function comparable(scene: Scene, host: HistoryHost, sent: readonly HostSent[], open: Ledger): Ledger {
  const { history } = scene;
  const atHost = history.packets.filter((packet) => packet.host === host.name);
  const from = atHost[0]?.at ?? Number.POSITIVE_INFINITY;
  const to = atHost.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  const fault = history.faults.find((mark) => mark.host === host.name && mark.fault !== "heal");
  const faultAt = fault === undefined ? Number.POSITIVE_INFINITY : fault.at - host.clockErrorMicros;
  const lastRecordAt = sent.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  return {
    sent: open.sent.filter((record) => record.at >= from && record.at <= to && record.at < faultAt),
    seen: open.seen.filter(
      (packet) =>
        (fault === undefined || packet.at <= lastRecordAt - stampGrainMicros) &&
        !tookItsRecords(history, host, sent, packet.at + stampGrainMicros),
    ),
  };
}

function addDisagreements(
  scene: Scene,
  host: HistoryHost,
  sent: readonly HostSent[],
  list: EvidenceList,
): number {
  const seen = scene.history.packets.filter(
    (packet) => packet.host === host.name && packet.direction === "out",
  );
  const open = comparable(scene, host, sent, unpaired(sent, seen));
  for (const record of open.sent) {
    list.add({
      text: `${host.name} says it sent a packet (${record.reason}) to ${record.remote}; its capture does not show it`,
      atUs: record.at,
      host: host.name,
    });
  }
  for (const packet of open.seen) {
    list.add({
      text: `a packet left ${host.name} to ${packet.sctp.destinationAddress}; its agent has no record of it`,
      atUs: packet.at,
      packetId: packet.id,
      host: host.name,
    });
  }
  return seen.length;
}

function examine(scene: Scene): Finding {
  const { history } = scene;
  const violations = new EvidenceList();
  const undecided = new EvidenceList();
  const compared: string[] = [];
  const gaps: string[] = [];
  let packets = 0;
  for (const host of history.hosts) {
    // A keeper sends nothing to the outside.
    if (host.role === "keeper") continue;
    const sent = history.sent.filter((record) => record.host === host.name);
    const captured = history.captures.some((capture) => capture.host === host.name);
    if (sent.length === 0 || !captured) {
      // An outside computer that is not ours keeps no such book.
      if (host.role !== "peer")
        gaps.push(`${host.name} has no ${captured ? "record of what it sent" : "capture"}`);
      continue;
    }
    const gap = captureGap(history, host.name);
    if (gap !== undefined) gaps.push(gap);
    compared.push(host.name);
    packets += addDisagreements(scene, host, sent, gap === undefined ? violations : undecided);
  }
  if (compared.length === 0) return unknown("no host has both a capture and its agent's records");
  return decide({
    violations,
    undecided,
    failSummary: `${violations.total} packets are in one book only`,
    passSummary: `${packets} packets of ${compared.join(", ")} in both books`,
    gap: gaps[0],
  });
}

export const capturesAgree: Checker = {
  id: "captures-agree",
  title: "Captures and agents' own records agree",
  rule: "Two independent books of the same packets, joined by CRC32c",
  examine,
};
