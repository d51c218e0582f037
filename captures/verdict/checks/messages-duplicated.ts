import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import type { Scene } from "../scene.ts";

function examine(scene: Scene): Finding {
  if (scene.deliveries.size === 0) return unknown("no delivered message was recorded");
  const violations = new EvidenceList();
  let unique = 0;
  for (const { flow, streamId, deliveries } of scene.deliveries.values()) {
    const seen = new Set<number>();
    for (const { number, at, host, sequence } of deliveries) {
      if (!seen.has(number)) {
        seen.add(number);
        continue;
      }
      const by = sequence === undefined ? "" : ` by update ${sequence}`;
      violations.add({
        text: `flow ${flow}, stream ${streamId}: number ${number} delivered again${by}`,
        atUs: at,
        host,
      });
    }
    unique += seen.size;
  }
  const answer = `${violations.total} of ${unique}`;
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

export const messagesDuplicated: Checker = {
  id: "messages-duplicated",
  title: "Messages duplicated",
  rule: "RFC 9260 section 6.2: a duplicate DATA chunk is discarded; each message is delivered exactly once",
  examine,
};
