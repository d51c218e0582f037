import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import { wireGap } from "../completeness.ts";
import type { Scene } from "../scene.ts";

function examine(scene: Scene): Finding {
  const { completeAt } = scene.handshake;
  if (completeAt === undefined) return unknown("no completed set-up and no data were captured");
  const violations = new EvidenceList();
  for (const { packet } of scene.wire) {
    if (packet.at <= completeAt) continue;
    const chunk = packet.sctp.chunks.find(({ type }) => type === "INIT" || type === "INIT_ACK");
    if (chunk === undefined) continue;
    violations.add({
      text: `${chunk.type.replace("_", " ")} from ${packet.sctp.sourceAddress} after the set-up was complete`,
      atUs: packet.at,
      packetId: packet.id,
      host: packet.host,
    });
  }
  return decide({
    violations,
    failSummary: `${violations.total} INIT or INIT ACK after set-up`,
    passSummary: "none after set-up",
    gap: wireGap(scene.history),
  });
}

export const noRestart: Checker = {
  id: "no-restart",
  title: "No INIT after set-up, so no restart",
  rule: "RFC 9260 section 5.2",
  examine,
};
