import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import { wireGap } from "../completeness.ts";
import type { WireTransmission } from "../handshake.ts";
import type { Scene } from "../scene.ts";

const hex = (tag: number): string => `0x${tag.toString(16).padStart(8, "0")}`;

/** INIT goes out with tag 0, and a reflected tag belongs to the other side (section 8.5.1). */
const followsOtherRule = (transmission: WireTransmission): boolean =>
  transmission.packet.sctp.chunks.some((chunk) => chunk.type === "INIT" || chunk.tagReflected === true);

/** Without the handshake, the first packet of each direction gives the tag to compare with. */
function tagsFromTraffic(wire: readonly WireTransmission[]): { peer?: number; cluster?: number } {
  const tags: { peer?: number; cluster?: number } = {};
  for (const transmission of wire) {
    if (!followsOtherRule(transmission))
      tags[transmission.toward] ??= transmission.packet.sctp.verificationTag;
  }
  return tags;
}

function examine(scene: Scene): Finding {
  const judged = scene.wire.filter((transmission) => !followsOtherRule(transmission));
  if (judged.length === 0) return unknown("no packet between the cluster and the peer was captured");
  const agreed = scene.handshake.tags;
  const expected = agreed ?? tagsFromTraffic(scene.wire);
  const violations = new EvidenceList();
  const paths = new Set<string>();
  for (const { packet, toward } of judged) {
    const { sourceAddress, destinationAddress, verificationTag } = packet.sctp;
    paths.add(toward === "peer" ? sourceAddress : destinationAddress);
    if (verificationTag === expected[toward]) continue;
    violations.add({
      text: `${sourceAddress} to ${destinationAddress} carries tag ${hex(verificationTag)} instead of ${hex(expected[toward] ?? 0)}`,
      atUs: packet.at,
      packetId: packet.id,
      host: packet.host,
    });
  }
  return decide({
    violations,
    failSummary: `${violations.total} of ${judged.length} packets carry another tag`,
    passSummary: `the same in ${judged.length} packets on ${paths.size === 1 ? "1 path" : `${paths.size} paths`}`,
    gap: agreed === undefined ? "the set-up was not captured" : wireGap(scene.history),
  });
}

export const tagsUnchanged: Checker = {
  id: "tags-unchanged",
  title: "Verification tags unchanged from set-up to end",
  rule: "RFC 9260 section 8.5",
  examine,
};
