import { tsn, tsnLess } from "../../../agents/sctp/base/serial.ts";
import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import { captureGap } from "../completeness.ts";
import type { HistoryHost, ObservedPacket } from "../history.ts";
import { expectsTakeover } from "../expectation.ts";
import { isAsynchronous } from "../policy.ts";
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

/** What a member sent, tenure by tenure: what left before it served, it only passed on. */
function partsOf(scene: Scene, all: readonly Acknowledgement[], member: HistoryHost): Acknowledgement[][] {
  const cuts = scene.succession.tenures.filter(({ began }) => began !== "start");
  const parts: Acknowledgement[][] = [[]];
  let next = 0;
  for (const acknowledgement of all) {
    while (next < cuts.length && acknowledgement.packet.at >= (cuts[next]?.fromUs ?? 0)) {
      next += 1;
      parts.push([]);
    }
    parts.at(-1)?.push(acknowledgement);
  }
  while (parts.length <= cuts.length) parts.push([]);
  // A fenced instance sends nothing; should it do so, that is another check's finding.
  return parts.map((part, index) => (index === 0 || cuts[index - 1]?.host === member.name ? part : []));
}

/**
 * Each member is judged in its own order. While the other one serves, a member only passes on what that one
 * hands it, so the two orders meet nowhere; a member that takes over goes on from where the other one was.
 * Under an asynchronous policy it may know less, and the peer ignores what it says until it has caught up.
 */
function examine(scene: Scene): Finding {
  const violations = new EvidenceList();
  const undecided = new EvidenceList();
  const gaps: string[] = [];
  const { tenures } = scene.succession;
  const walks: { parts: Acknowledgement[][]; evidence: EvidenceList }[] = [];
  let count = 0;
  for (const member of [scene.primary, scene.secondary]) {
    if (member === undefined) continue;
    const { packets, own } = sentBy(scene, member);
    const gap = captureGap(scene.history, own ? member.name : (scene.peer?.name ?? "the peer"));
    if (gap !== undefined) gaps.push(gap);
    const all = acknowledgementsIn(packets);
    count += all.length;
    // On arrival the network may have changed the order, so that is no proof.
    walks.push({ parts: partsOf(scene, all, member), evidence: own ? violations : undecided });
  }
  let highest: number | undefined;
  for (let part = 0; part < Math.max(1, tenures.length); part += 1) {
    const policy = scene.policies.at(tenures[part]?.fromUs ?? Number.NEGATIVE_INFINITY);
    const start = part === 0 || isAsynchronous(policy) ? undefined : highest;
    for (const { parts, evidence } of walks) {
      highest = later(highest, walk(parts[part] ?? [], start, evidence));
    }
  }
  const recorded = tenures.length > 1 && tenures.every(({ reported }) => reported);
  if (scene.failover.fault !== undefined && !recorded && expectsTakeover(scene) !== false) {
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
  perEnd: true,
  examine,
};
