import type { ChunkSummary } from "../dissect/summary.ts";
import type { JoinedTransmission } from "./transmissions.ts";

export interface ChunkOnWire {
  readonly transmission: WireTransmission;
  readonly chunk: ChunkSummary;
}

/** A transmission between the cluster and the outside computer. */
export type WireTransmission = JoinedTransmission & { readonly toward: "peer" | "cluster" };

/** What the packets tell of the set-up of the association (RFC 9260 section 5.1). */
export interface Handshake {
  readonly inits: readonly ChunkOnWire[];
  readonly initAcks: readonly ChunkOnWire[];
  readonly cookieEchoes: readonly ChunkOnWire[];
  /** The tag that packets toward each side must carry; undefined where the set-up was not captured. */
  readonly tags?: { readonly peer: number; readonly cluster: number };
  /** First TSN that each side uses. */
  readonly initialTsn: { readonly peer?: number; readonly cluster?: number };
  /** When the first COOKIE ACK was seen for the last time on its way; else the first packet with DATA or SACK. */
  readonly completeAt?: number;
}

function chunksOf(wire: readonly WireTransmission[], type: string): ChunkOnWire[] {
  const found: ChunkOnWire[] = [];
  for (const transmission of wire) {
    for (const chunk of transmission.packet.sctp.chunks) {
      if (chunk.type === type) found.push({ transmission, chunk });
    }
  }
  return found;
}

/** The INIT ACK that the association was built on: the last one before the first COOKIE ECHO. */
function decisiveInitAck(
  initAcks: readonly ChunkOnWire[],
  cookieEchoes: readonly ChunkOnWire[],
): ChunkOnWire | undefined {
  const echoAt = cookieEchoes[0]?.transmission.packet.at ?? Number.POSITIVE_INFINITY;
  return initAcks.findLast((ack) => ack.transmission.packet.at <= echoAt) ?? initAcks[0];
}

function completionOf(wire: readonly WireTransmission[]): number | undefined {
  const cookieAck = chunksOf(wire, "COOKIE_ACK")[0]?.transmission;
  if (cookieAck !== undefined) return cookieAck.received?.at ?? cookieAck.packet.at;
  return wire.find((t) => t.packet.sctp.chunks.some((c) => c.type === "DATA" || c.type === "SACK"))?.packet
    .at;
}

/** @param wire all transmissions between the cluster and the peer, oldest first */
export function readHandshake(wire: readonly WireTransmission[]): Handshake {
  const inits = chunksOf(wire, "INIT");
  const initAcks = chunksOf(wire, "INIT_ACK");
  const cookieEchoes = chunksOf(wire, "COOKIE_ECHO");
  const completeAt = completionOf(wire);
  const base = { inits, initAcks, cookieEchoes, ...(completeAt === undefined ? {} : { completeAt }) };
  const ack = decisiveInitAck(initAcks, cookieEchoes);
  const responderTag = ack?.chunk.initiateTag;
  if (ack === undefined || responderTag === undefined) return { ...base, initialTsn: {} };
  // An INIT ACK carries the initiator's tag in its common header (section 8.5.1 B), so the INIT may be missing.
  const initiatorTag = ack.transmission.packet.sctp.verificationTag;
  const initiatorTsn = inits.find((init) => init.chunk.initiateTag === initiatorTag)?.chunk.tsn;
  const responderTsn = ack.chunk.tsn;
  const peerInitiated = ack.transmission.toward === "peer";
  const peerTsn = peerInitiated ? initiatorTsn : responderTsn;
  const clusterTsn = peerInitiated ? responderTsn : initiatorTsn;
  return {
    ...base,
    tags: peerInitiated
      ? { peer: initiatorTag, cluster: responderTag }
      : { peer: responderTag, cluster: initiatorTag },
    initialTsn: {
      ...(peerTsn === undefined ? {} : { peer: peerTsn }),
      ...(clusterTsn === undefined ? {} : { cluster: clusterTsn }),
    },
  };
}
