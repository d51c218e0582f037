import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import type { Scene } from "../scene.ts";

function examine(scene: Scene): Finding {
  if (scene.deliveries.size === 0) return unknown("no delivered message was recorded");
  const violations = new EvidenceList();
  let judged = 0;
  for (const { flow, streamId, deliveries } of scene.deliveries.values()) {
    const seen = new Set<number>();
    let highest = -1;
    for (const { number, at, host } of deliveries) {
      // A second copy is a duplicate, not a message out of order.
      if (seen.has(number)) continue;
      seen.add(number);
      if (number < highest) {
        violations.add({
          text: `flow ${flow}, stream ${streamId}: number ${number} delivered after ${highest}`,
          atUs: at,
          host,
        });
      }
      highest = Math.max(highest, number);
    }
    judged += seen.size;
  }
  const answer = `${violations.total} of ${judged}`;
  return decide({
    violations,
    failSummary: answer,
    passSummary: answer,
    gap:
      scene.history.totals.length > 0
        ? undefined
        : "the senders' totals are missing, so the record may be cut off",
  });
}

export const messagesReordered: Checker = {
  id: "messages-reordered",
  title: "Messages out of order within their stream",
  rule: "RFC 9260 section 6.6: ordered delivery within a stream",
  examine,
};
