import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import { streamKey } from "../deliveries.ts";
import type { Scene } from "../scene.ts";

function examine(scene: Scene): Finding {
  if (scene.deliveries.size === 0) return unknown("no delivered message was recorded");
  const numbered = new Map(
    scene.history.totals.map((total) => [streamKey(total.flow, total.streamId), total.sent]),
  );
  const violations = new EvidenceList();
  let judged = 0;
  for (const [key, { flow, streamId, deliveries }] of scene.deliveries) {
    const sent = numbered.get(key);
    for (const { number, at, host, intact } of deliveries) {
      judged += 1;
      const where = `flow ${flow}, stream ${streamId}, number ${number}`;
      if (!intact) violations.add({ text: `${where}: checksum does not match`, atUs: at, host });
      else if (sent !== undefined && number >= sent) {
        violations.add({ text: `${where}: delivered, but only ${sent} were sent`, atUs: at, host });
      }
    }
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

export const messagesDamaged: Checker = {
  id: "messages-damaged",
  title: "Messages damaged or never sent",
  rule: "RFC 9260 sections 6.8 and 6.9: a message is delivered as it was sent",
  examine,
};
