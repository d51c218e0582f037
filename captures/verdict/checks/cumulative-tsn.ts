import { tsn, tsnLess } from "../../../agents/sctp/base/serial.ts";
import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import { captureGap } from "../completeness.ts";
import type { HistoryHost, ObservedPacket } from "../history.ts";
import type { Scene } from "../scene.ts";

/** What a member sent to the peer, in its order of sending: by its own capture, else as it arrived at the peer. */
function sentBy(scene: Scene, member: HistoryHost): { packets: ObservedPacket[]; own: boolean } {
  const own = scene.history.captures.some((capture) => capture.host === member.name);
  const packets = scene.history.packets.filter((packet) =>
    own
      ? packet.host === member.name && packet.direction === "out"
      : packet.host === scene.peer?.name &&
        packet.direction === "in" &&
        packet.sctp.sourceAddress === member.outsideAddress,
  );
  return { packets, own };
}

interface Acknowledgement {
  readonly type: string;
  readonly cumulativeTsn: number;
  readonly packet: ObservedPacket;
}

function acknowledgementsIn(packets: readonly ObservedPacket[]): Acknowledgement[] {
  return packets.flatMap((packet) =>
    packet.sctp.chunks.flatMap(({ type, cumulativeTsn }) =>
      (type === "SACK" || type === "SHUTDOWN") && cumulativeTsn !== undefined
        ? [{ type, cumulativeTsn, packet }]
        : [],
    ),
  );
}

function later(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return tsnLess(tsn(one), tsn(other)) ? other : one;
}

/** Walks acknowledgements in their order of sending; answers with the highest cumulative TSN. */
function walk(
  acknowledgements: readonly Acknowledgement[],
  start: number | undefined,
  evidence: EvidenceList,
): number | undefined {
  let highest = start;
  for (const { type, cumulativeTsn, packet } of acknowledgements) {
    if (highest === undefined || !tsnLess(tsn(cumulativeTsn), tsn(highest))) {
      highest = cumulativeTsn;
      continue;
    }
    evidence.add({
      text: `${type} from ${packet.sctp.sourceAddress} acknowledges ${cumulativeTsn} after ${highest}`,
      atUs: packet.at,
      packetId: packet.id,
      host: packet.host,
    });
  }
  return highest;
}

/**
 * Each member is judged in its own order. Before the takeover the secondary only passes on what the
 * primary hands it, so the two orders meet nowhere; after it, the secondary goes on from the primary.
 */
function examine(scene: Scene): Finding {
  const violations = new EvidenceList();
  const undecided = new EvidenceList();
  const gaps: string[] = [];
  const takeoverAt = scene.failover.takeover?.at ?? Number.POSITIVE_INFINITY;
  let highest: number | undefined;
  let count = 0;
  for (const member of [scene.primary, scene.secondary]) {
    if (member === undefined) continue;
    const { packets, own } = sentBy(scene, member);
    const gap = captureGap(scene.history, own ? member.name : (scene.peer?.name ?? "the peer"));
    if (gap !== undefined) gaps.push(gap);
    const all = acknowledgementsIn(packets);
    count += all.length;
    // On arrival the network may have changed the order, so that is no proof.
    const evidence = own ? violations : undecided;
    const before = all.filter(({ packet }) => member !== scene.secondary || packet.at < takeoverAt);
    highest = later(highest, walk(before, undefined, evidence));
    walk(all.slice(before.length), highest, evidence);
  }
  if (scene.failover.fault !== undefined && scene.failover.takeover === undefined) {
    gaps.push("no takeover was recorded");
  }
  if (count === 0) return unknown("no SACK from the cluster was captured");
  return decide({
    violations,
    undecided,
    failSummary: `moved back ${violations.total} times`,
    passSummary: `never back in ${count} acknowledgements`,
    gap: gaps[0],
  });
}

export const cumulativeTsn: Checker = {
  id: "cumulative-tsn",
  title: "Cumulative TSN toward the peer never moves back",
  rule: "RFC 9260 sections 3.3.4 and 6.2.1",
  examine,
};
