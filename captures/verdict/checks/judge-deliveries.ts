import type { Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import type { StreamDeliveries } from "../deliveries.ts";
import type { Scene } from "../scene.ts";

/**
 * Judges the recorded deliveries stream by stream. `examineStream` adds what speaks against the rule
 * and answers how many messages it judged.
 */
export function judgeDeliveries(
  scene: Scene,
  examineStream: (stream: StreamDeliveries, violations: EvidenceList) => number,
): Finding {
  if (scene.deliveries.size === 0) return unknown("no delivered message was recorded");
  const violations = new EvidenceList();
  let judged = 0;
  for (const stream of scene.deliveries.values()) judged += examineStream(stream, violations);
  const answer = `${violations.total} of ${judged}`;
  const finding = decide({
    violations,
    failSummary: answer,
    passSummary: answer,
    gap:
      scene.history.totals.length > 0
        ? undefined
        : "the senders' totals are missing, so the record may be cut off",
  });
  return { ...finding, tally: { found: violations.total, of: judged } };
}
