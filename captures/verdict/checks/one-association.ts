import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import { wireGap } from "../completeness.ts";
import type { ChunkOnWire } from "../handshake.ts";
import type { Scene } from "../scene.ts";

function pointTo({ transmission: { packet } }: ChunkOnWire): {
  atUs: number;
  packetId: number;
  host: string;
} {
  return { atUs: packet.at, packetId: packet.id, host: packet.host };
}

/** Lost set-up packets are sent again, with the same tag (section 5.1 C): only another tag is another association. */
function addExtraSetUps(scene: Scene, violations: EvidenceList): void {
  const { inits, cookieEchoes, completeAt } = scene.handshake;
  const tag = inits[0]?.chunk.initiateTag;
  for (const init of inits) {
    if (init.chunk.initiateTag === tag) continue;
    violations.add({ text: "a second INIT with another initiate tag", ...pointTo(init) });
  }
  for (const echo of cookieEchoes) {
    if (completeAt === undefined || echo.transmission.packet.at <= completeAt) continue;
    violations.add({ text: "a COOKIE ECHO after the set-up was complete", ...pointTo(echo) });
  }
}

/** The addresses that the cluster listed, and the one from which it did. */
function addWrongAddresses(scene: Scene, members: ReadonlySet<string>, violations: EvidenceList): void {
  const { initAcks, inits } = scene.handshake;
  const offer = [...initAcks, ...inits].find((init) => init.transmission.toward === "peer");
  if (offer !== undefined) {
    const offered = new Set([offer.transmission.packet.sctp.sourceAddress, ...(offer.chunk.addresses ?? [])]);
    for (const address of members) {
      if (offered.has(address)) continue;
      violations.add({ text: `the cluster did not offer its address ${address}`, ...pointTo(offer) });
    }
    for (const address of offered) {
      if (members.has(address)) continue;
      violations.add({ text: `the cluster offered ${address}, which is not its own`, ...pointTo(offer) });
    }
  }
  for (const { packet, toward } of scene.wire) {
    const address = toward === "peer" ? packet.sctp.sourceAddress : packet.sctp.destinationAddress;
    if (members.has(address)) continue;
    violations.add({
      text: `the peer exchanged a packet with ${address}, which is not the cluster's`,
      atUs: packet.at,
      packetId: packet.id,
      host: packet.host,
    });
  }
}

function examine(scene: Scene): Finding {
  const { inits, initAcks, cookieEchoes } = scene.handshake;
  const members = new Set(
    scene.history.hosts
      .filter((host) => host.role === "primary" || host.role === "secondary")
      .map((host) => host.outsideAddress),
  );
  if (members.size === 0) return unknown("the record does not name the cluster's addresses");
  if (scene.wire.length === 0) return unknown("no packet between the cluster and the peer was captured");
  const violations = new EvidenceList();
  addExtraSetUps(scene, violations);
  addWrongAddresses(scene, members, violations);
  const setUpSeen = inits.length > 0 && initAcks.length > 0 && cookieEchoes.length > 0;
  return decide({
    violations,
    failSummary: `${violations.total} signs of another association or address`,
    passSummary: `${inits.length} INIT, ${cookieEchoes.length} COOKIE ECHO, ${members.size} addresses`,
    gap: setUpSeen ? wireGap(scene.history) : "the set-up was not captured",
  });
}

export const oneAssociation: Checker = {
  id: "one-association",
  title: "The peer saw one association with the cluster's addresses",
  rule: "RFC 9260 sections 5.1, 5.1.2 and 6.4",
  perEnd: true,
  examine,
};
