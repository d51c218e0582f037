import type { ChunkSummary } from "../../dissect/summary.ts";
import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import { wireGap } from "../completeness.ts";
import type { Scene } from "../scene.ts";

/** What a TSN stands for, as far as the summary tells; the I bit may differ between copies (RFC 9260 section 3.3.1). */
function contentOf(chunk: ChunkSummary): string {
  const flags = `${chunk.unordered ? "U" : ""}${chunk.beginning ? "B" : ""}${chunk.ending ? "E" : ""}`;
  return `stream ${chunk.streamId}, ssn ${chunk.ssn ?? "none"}, ppid ${chunk.ppid ?? "none"}, ${chunk.payloadBytes} B, flags ${flags || "none"}`;
}

function examine(scene: Scene): Finding {
  const violations = new EvidenceList();
  const contents = { peer: new Map<number, string>(), cluster: new Map<number, string>() };
  for (const { packet, toward } of scene.wire) {
    for (const chunk of packet.sctp.chunks) {
      if ((chunk.type !== "DATA" && chunk.type !== "I_DATA") || chunk.tsn === undefined) continue;
      if (chunk.malformed !== undefined) continue;
      const content = contentOf(chunk);
      const known = contents[toward].get(chunk.tsn);
      if (known === undefined) contents[toward].set(chunk.tsn, content);
      else if (known !== content) {
        violations.add({
          text: `TSN ${chunk.tsn} toward the ${toward}: first ${known}; now ${content}`,
          atUs: packet.at,
          packetId: packet.id,
          host: packet.host,
        });
      }
    }
  }
  const count = contents.peer.size + contents.cluster.size;
  if (count === 0) return unknown("no DATA between the cluster and the peer was captured");
  return decide({
    violations,
    failSummary: `${violations.total} TSNs with a second content`,
    passSummary: `${count} TSNs, each with one content`,
    gap: wireGap(scene.history),
  });
}

export const tsnIdentity: Checker = {
  id: "tsn-identity",
  title: "No TSN carries two payloads",
  rule: "RFC 9260 sections 3.3.1 and 6.1",
  examine,
};
