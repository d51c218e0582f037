import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import { wireGap } from "../completeness.ts";
import type { Scene } from "../scene.ts";

/** When the association had ended in order; afterwards a reflected tag only answers what was late (section 8.4). */
function endOf({ wire }: Scene): number {
  const last = wire.find(({ packet }) => packet.sctp.chunks.some(({ type }) => type === "SHUTDOWN_COMPLETE"));
  return last?.packet.at ?? Number.POSITIVE_INFINITY;
}

function examine(scene: Scene): Finding {
  if (scene.wire.length === 0) return unknown("no packet between the cluster and the peer was captured");
  const violations = new EvidenceList();
  const endedAtUs = endOf(scene);
  let late = 0;
  for (const { packet } of scene.wire) {
    const abort = packet.sctp.chunks.find((chunk) => chunk.type === "ABORT");
    if (abort === undefined) continue;
    if (abort.tagReflected === true && packet.at > endedAtUs) {
      late += 1;
      continue;
    }
    const causes = abort.causes?.length ? `cause ${abort.causes.join(", ")}` : "no cause";
    const reflected = abort.tagReflected === true ? ", T bit set" : "";
    violations.add({
      text: `ABORT from ${packet.sctp.sourceAddress} to ${packet.sctp.destinationAddress} (${causes}${reflected})`,
      atUs: packet.at,
      packetId: packet.id,
      host: packet.host,
    });
  }
  const answers = late === 0 ? "" : `; ${late} more answer packets that came after its end`;
  return decide({
    violations,
    failSummary: `${violations.total} ABORT`,
    passSummary: `none in ${scene.wire.length - late} packets${answers}`,
    gap: wireGap(scene.history),
  });
}

export const noAbort: Checker = {
  id: "no-abort",
  title: "No ABORT on the wire",
  rule: "RFC 9260 sections 3.3.7, 8.4 and 9.1",
  examine,
};
