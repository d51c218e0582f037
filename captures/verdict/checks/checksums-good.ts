import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import { wireGap } from "../completeness.ts";
import type { Scene } from "../scene.ts";

function examine(scene: Scene): Finding {
  const { packets } = scene.history;
  if (packets.length === 0) return unknown("no packet was captured");
  const violations = new EvidenceList();
  const undecided = new EvidenceList();
  for (const { id, at, host, sctp } of packets) {
    if (sctp.checksumGood) continue;
    const text = `${sctp.sourceAddress} to ${sctp.destinationAddress}, seen on ${host}`;
    // A packet that the capture cut short cannot be checked.
    if (sctp.truncated) undecided.add({ text: `${text}: cut short`, atUs: at, packetId: id, host });
    else violations.add({ text: `${text}: bad CRC32c`, atUs: at, packetId: id, host });
  }
  return decide({
    violations,
    undecided,
    failSummary: `${violations.total} of ${packets.length} bad`,
    passSummary: `all ${packets.length} good`,
    gap: wireGap(scene.history),
  });
}

export const checksumsGood: Checker = {
  id: "checksums-good",
  title: "CRC32c of every captured packet good",
  rule: "RFC 9260 section 6.8",
  examine,
};
