import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, passed, unknown } from "../checker.ts";
import { captureGap, stampsAreLate } from "../completeness.ts";
import type { Scene } from "../scene.ts";

function examine(scene: Scene): Finding {
  const { primary, secondary, history, failover } = scene;
  if (primary === undefined || secondary === undefined)
    return unknown("the record names no primary and secondary");
  if (failover.takeover === undefined) {
    return history.events.length > 0 && history.faults.length === 0
      ? passed("no fault and no takeover")
      : unknown("no takeover was recorded");
  }
  const takeoverAt = failover.takeover.at;
  const errorMicros = primary.clockErrorMicros + secondary.clockErrorMicros;
  // A packet with a late stamp may have left before the takeover.
  const lateStamps = stampsAreLate(history, primary.name);
  const violations = new EvidenceList();
  const undecided = new EvidenceList();
  for (const packet of history.packets) {
    if (packet.host !== primary.name || packet.direction !== "out") continue;
    const afterMicros = packet.at - takeoverAt;
    if (afterMicros <= -errorMicros) continue;
    const proven = afterMicros > errorMicros && !lateStamps;
    (proven ? violations : undecided).add({
      text: `a packet left ${primary.name} ${Math.abs(afterMicros)} us ${afterMicros < 0 ? "before" : "after"} the takeover by ${secondary.name}; clock error ${errorMicros} us`,
      atUs: packet.at,
      packetId: packet.id,
      host: packet.host,
    });
  }
  return decide({
    violations,
    undecided,
    failSummary: `${violations.total} packets left ${primary.name} after the takeover`,
    passSummary: `no packet left ${primary.name} after the takeover`,
    gap: captureGap(history, primary.name),
  });
}

export const oldEpochSilent: Checker = {
  id: "old-epoch-silent",
  title: "Nothing from the old epoch after the takeover",
  rule: "Fencing: one instance speaks for the association at a time",
  examine,
};
