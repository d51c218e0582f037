import type { History, ObservedPacket } from "../../captures/verdict/history.ts";

/** What the outside computer could know of the cluster from the packets alone, at an instant. */
export interface WireView {
  /** Tag that the peer puts on its packets, and the one it gets. */
  readonly peerTag: number | undefined;
  readonly localTag: number | undefined;
  /** Highest TSN of DATA that reached the peer, and its last cumulative acknowledgement. */
  readonly highestTsn: number | undefined;
  readonly cumulativeAck: number | undefined;
  /** Cumulative TSN of the last SACK that reached the peer. */
  readonly cumulativeTsn: number | undefined;
  readonly lastSource: string | undefined;
}

const later = (a: number | undefined, b: number): number => (a === undefined || ((b - a) | 0) > 0 ? b : a);

/** Reads the packets at the outside computer's interface up to `atUs`; where it was not captured, those of the cluster. */
export function wireViewAt(history: History, atUs: number): WireView {
  const peerSeen = history.packets.some((packet) => packet.host === "peer");
  const atPeer = (packet: ObservedPacket): "in" | "out" | undefined => {
    if (peerSeen)
      return packet.host === "peer" && packet.direction !== "other" ? packet.direction : undefined;
    if (packet.direction === "other") return undefined;
    return packet.direction === "out" ? "in" : "out";
  };
  const view: { -readonly [Key in keyof WireView]: WireView[Key] } = {
    peerTag: undefined,
    localTag: undefined,
    highestTsn: undefined,
    cumulativeAck: undefined,
    cumulativeTsn: undefined,
    lastSource: undefined,
  };
  for (const packet of history.packets) {
    if (packet.at > atUs) break;
    const way = atPeer(packet);
    if (way === undefined) continue;
    const { sctp } = packet;
    if (sctp.verificationTag !== 0) view[way === "in" ? "peerTag" : "localTag"] = sctp.verificationTag;
    if (way === "in") view.lastSource = sctp.sourceAddress;
    for (const chunk of sctp.chunks) {
      if (chunk.type === "DATA" && way === "in" && chunk.tsn !== undefined) {
        view.highestTsn = later(view.highestTsn, chunk.tsn);
      }
      if (chunk.type !== "SACK" || chunk.cumulativeTsn === undefined) continue;
      const field = way === "in" ? "cumulativeTsn" : "cumulativeAck";
      view[field] = later(view[field], chunk.cumulativeTsn);
    }
  }
  return view;
}
