import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import type { Scene } from "../scene.ts";

function examine(scene: Scene): Finding {
  const { primary, history, acks } = scene;
  if (primary === undefined) return unknown("the record names no primary");
  const released = history.sent.filter((record) => record.host === primary.name && record.dependsOn > 0);
  if (released.length === 0)
    return unknown(`no record of ${primary.name} of a packet that waited for a commit`);
  if (acks.empty) return unknown(`no acknowledgement known to ${primary.name} was recorded`);
  const violations = new EvidenceList();
  for (const record of released) {
    const knownAt = acks.firstAt(record.dependsOn);
    if (knownAt !== undefined && knownAt <= record.at) continue;
    const lack =
      knownAt === undefined ? "was never acknowledged" : `was acknowledged ${knownAt - record.at} us later`;
    violations.add({
      text: `packet to ${record.remote} (${record.reason}) was released, but update ${record.dependsOn} ${lack}`,
      atUs: record.at,
      host: record.host,
    });
  }
  return decide({
    violations,
    failSummary: `${violations.total} of ${released.length} packets released too early`,
    passSummary: `${released.length} packets released, each after its acknowledgement`,
  });
}

export const commitGate: Checker = {
  id: "commit-gate",
  title: "Every released packet has an earlier replication acknowledgement",
  rule: "Output commit, by the primary's own books",
  examine,
};
