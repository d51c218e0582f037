import { tsn, tsnLess, tsnLessOrEqual } from "../../../agents/sctp/base/serial.ts";
import { AckTimeline } from "../books.ts";
import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, passed, unknown } from "../checker.ts";
import { captureGap } from "../completeness.ts";
import { Guard } from "../guard.ts";
import type { History, HostUpdate, ObservedPacket } from "../history.ts";
import { tookItsRecords } from "../lost-records.ts";
import { isAsynchronous } from "../policy.ts";
import type { Scene } from "../scene.ts";
import type { Tenure } from "../tenures.ts";

interface Lease {
  readonly atUs: number;
  readonly limitTsn: number;
}

/** Leases that the serving member knew to be acknowledged, oldest first. */
function leasesOf({ history }: Scene, { host, fromUs, toUs = Number.POSITIVE_INFINITY }: Tenure): Lease[] {
  return history.events.flatMap(({ name, host: of, at, detail }) => {
    const { limitTsn } = detail;
    const counts = name === "lease" && of === host && at >= fromUs && at < toUs;
    return counts && typeof limitTsn === "number" ? [{ atUs: at, limitTsn }] : [];
  });
}

/** The highest TSN bound at an instant; leases only move forward. */
function limitAt(leases: readonly Lease[], atUs: number): number | undefined {
  let limit: number | undefined;
  for (const lease of leases) {
    if (lease.atUs > atUs) break;
    if (limit === undefined || tsnLessOrEqual(tsn(limit), tsn(lease.limitTsn))) limit = lease.limitTsn;
  }
  return limit;
}

/** Under which replication number each TSN was assigned. */
function assignments(updates: readonly HostUpdate[], { host, epoch }: Tenure): Map<number, number> {
  const assigned = new Map<number, number>();
  for (const update of updates) {
    if (update.act !== "made" || update.change !== "tsnAssigned" || update.tsn === undefined) continue;
    if (update.host === host && update.epoch === epoch) assigned.set(update.tsn, update.sequence);
  }
  return assigned;
}

/** The limit of the lease that the next member held when it took over, by its own record. */
function limitHeldBy({ events }: History, next: Tenure | undefined): number | undefined {
  const limits = events.flatMap(({ name, host, at, detail: { limitTsn } }) => {
    const isOf = next !== undefined && host === next.host && at >= next.fromUs && name === "recovery-step";
    return isOf && typeof limitTsn === "number" ? [limitTsn] : [];
  });
  return limits[0];
}

interface Answers {
  readonly violations: EvidenceList;
  /** A lease for them may be among the last records of a member that was killed, which nobody has. */
  readonly undecided: EvidenceList;
}

/** Packets of a member that it was killed before it could tell of; with any other the lease that it knew of came first. */
function unwrittenBy(history: History, name: string): (packet: ObservedPacket) => boolean {
  const host = history.hosts.find((each) => each.name === name);
  const sent = history.sent.filter((record) => record.host === name);
  const written = new Set(sent.map(({ checksum }) => checksum));
  return ({ at, sctp }) =>
    host !== undefined && !written.has(sctp.checksum) && tookItsRecords(history, host, sent, at);
}

function examineTenure(
  scene: Scene,
  [tenure, next]: readonly [Tenure, Tenure | undefined],
  seen: Set<number>,
  answers: Answers,
): number {
  const { history, policies } = scene;
  const { host, fromUs, toUs = Number.POSITIVE_INFINITY } = tenure;
  const guard = new Guard(history.events, tenure, policies.at(toUs).placement);
  const leases = leasesOf(scene, tenure);
  const acks = new AckTimeline(
    history.acked.filter((record) => record.host === host && record.at >= fromUs && record.at < toUs),
  );
  const assigned = assignments(history.updates, tenure);
  const inherited = new Set(
    history.updates
      .filter(({ change, epoch }) => change === "tsnAssigned" && epoch < tenure.epoch)
      .map((update) => update.tsn),
  );
  // What came with the state of the one before, and left perhaps by the other's interface then, is not new.
  const isNew = (number: number): boolean => assigned.has(number) || !inherited.has(number);
  const isUnwritten = unwrittenBy(history, host);
  const heldLimit = limitHeldBy(history, next);
  let judged = 0;
  for (const packet of history.packets) {
    if (packet.host !== host || packet.direction !== "out" || packet.at < fromUs || packet.at >= toUs)
      continue;
    const judge = isAsynchronous(policies.at(packet.at)) && guard.at(packet.at);
    for (const { type, tsn: number } of packet.sctp.chunks) {
      if ((type !== "DATA" && type !== "I_DATA") || number === undefined || seen.has(number)) continue;
      seen.add(number);
      if (!judge || !isNew(number)) continue;
      judged += 1;
      const limit = limitAt(leases, packet.at);
      if (limit !== undefined && tsnLess(tsn(number), tsn(limit))) continue;
      const acknowledgedAt = acks.firstAt(assigned.get(number) ?? Number.POSITIVE_INFINITY);
      if (acknowledgedAt !== undefined && acknowledgedAt <= packet.at) continue;
      const hasGone = isUnwritten(packet);
      // Who went on held a lease that covers it, whatever was not written down.
      if (hasGone && heldLimit !== undefined && tsnLess(tsn(number), tsn(heldLimit))) continue;
      const lease = limit === undefined ? "no lease was acknowledged" : `the lease ended before ${limit}`;
      (hasGone ? answers.undecided : answers.violations).add({
        text: `DATA with TSN ${number} left ${host}, and ${lease}`,
        atUs: packet.at,
        packetId: packet.id,
        host,
      });
    }
  }
  return judged;
}

function examine(scene: Scene): Finding {
  const { primary, history, succession } = scene;
  if (primary === undefined) return unknown("the record names no primary");
  if (history.packets.length === 0) return unknown("no packet was captured");
  const answers: Answers = { violations: new EvidenceList(), undecided: new EvidenceList() };
  const seen = new Set<number>();
  let judged = 0;
  const { tenures } = succession;
  for (const [index, tenure] of tenures.entries())
    judged += examineTenure(scene, [tenure, tenures[index + 1]], seen, answers);
  const gap = captureGap(history, primary.name);
  if (judged === 0 && gap === undefined) return passed("no new TSN left while somebody held the state");
  return decide({
    ...answers,
    failSummary: `${answers.violations.total} of ${judged} new TSNs beyond the lease`,
    passSummary: `${judged - answers.undecided.total} new TSNs, each below the acknowledged lease`,
    gap,
  });
}

export const leaseCoverage: Checker = {
  id: "lease-coverage",
  title: "No new TSN left beyond the lease that the holder acknowledged",
  rule: "TSN lease: who takes over goes on at its limit, so that no TSN is used twice (RFC 9260 section 6.2)",
  perEnd: true,
  applies: ({ policies }) => policies.all.some(isAsynchronous),
  examine,
};
