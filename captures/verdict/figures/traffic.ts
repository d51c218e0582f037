import type { Figure } from "../report.ts";
import type { Scene } from "../scene.ts";

const count = (id: string, title: string, value: number, method: string): Figure => ({
  id,
  title,
  value,
  unit: "count",
  error: 0,
  method,
});

function messageRate(scene: Scene): Figure[] {
  let delivered = 0;
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const { deliveries } of scene.deliveries.values()) {
    for (const { at } of deliveries) {
      delivered += 1;
      from = Math.min(from, at);
      to = Math.max(to, at);
    }
  }
  if (to <= from) return [];
  const perSecond = Math.round((delivered * 1e6) / (to - from));
  return [
    count(
      "messages-per-second",
      "Messages delivered a second, all flows",
      perSecond,
      `${delivered} deliveries from the first to the last of them, the failover included`,
    ),
  ];
}

/** Packets, repeated TSNs and reported duplicates between the cluster and the peer. */
function wireCounts(scene: Scene): Figure[] {
  const seen = { peer: new Set<number>(), cluster: new Set<number>() };
  let repeated = 0;
  let repeatedBySecondary = 0;
  let duplicates = 0;
  for (const { packet, toward } of scene.wire) {
    for (const chunk of packet.sctp.chunks) {
      duplicates += chunk.duplicateTsns?.length ?? 0;
      if ((chunk.type !== "DATA" && chunk.type !== "I_DATA") || chunk.tsn === undefined) continue;
      if (!seen[toward].has(chunk.tsn)) {
        seen[toward].add(chunk.tsn);
        continue;
      }
      repeated += 1;
      if (packet.sctp.sourceAddress === scene.secondary?.outsideAddress) repeatedBySecondary += 1;
    }
  }
  return [
    count(
      "packets",
      "Packets between cluster and peer",
      scene.wire.length,
      "transmissions; one packet seen at both ends counts once",
    ),
    count(
      "retransmissions",
      "Retransmitted DATA chunks",
      repeated,
      "a TSN seen again in the same direction, both directions together",
    ),
    count(
      "retransmissions-secondary",
      "Retransmitted DATA chunks from the secondary's address",
      repeatedBySecondary,
      "of the retransmitted DATA chunks, those whose source is the secondary's address",
    ),
    count(
      "duplicates-reported",
      "Duplicate TSNs reported in SACKs",
      duplicates,
      "entries in the duplicate lists of all SACKs, both directions together",
    ),
  ];
}

export function traffic(scene: Scene): Figure[] {
  return [...messageRate(scene), ...(scene.wire.length === 0 ? [] : wireCounts(scene))];
}
