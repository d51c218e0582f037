import { joinPayload } from "../rx/reassembly.ts";
import type { ReceiveUpdate } from "../rx/receive-updates.ts";
import { parsePacket, writePacket } from "../wire/index.ts";
import type { AssociationState } from "./state.ts";

/**
 * The HEARTBEAT ACK packet that a computer which only holds the association state sends from its own
 * address, so that the peer confirms that address (RFC 9260 sections 5.4 and 8.3); undefined when the
 * packet is no HEARTBEAT of this association's peer.
 */
export function answerHeartbeat(
  states: Iterable<AssociationState>,
  bytes: Uint8Array,
  remote: string,
): Uint8Array | undefined {
  const parsed = parsePacket(bytes);
  if (!parsed.ok || !parsed.checksumGood) return undefined;
  const { packet } = parsed;
  const [first] = packet.chunks;
  if (first?.type !== "HEARTBEAT" || packet.chunks.length !== 1) return undefined;
  for (const { agreement, phase } of states) {
    const ours =
      phase !== "closed" &&
      agreement.localTag === packet.verificationTag &&
      agreement.localPort === packet.destinationPort &&
      agreement.peerPort === packet.sourcePort &&
      agreement.peerAddresses.includes(remote);
    if (!ours) continue;
    return writePacket({
      sourcePort: agreement.localPort,
      destinationPort: agreement.peerPort,
      verificationTag: agreement.peerTag,
      chunks: [{ ...first, type: "HEARTBEAT_ACK" }],
    });
  }
  return undefined;
}

/** What an update that is about to be applied gives to the user. */
export function deliveredPayload(
  state: AssociationState,
  update: Extract<ReceiveUpdate, { kind: "delivered" | "dataDelivered" }>,
): Uint8Array {
  if (update.kind === "dataDelivered") return update.chunk.payload;
  const { buffered } = state.receive;
  return joinPayload(update.tsns.map((tsn) => buffered.get(tsn)).filter((chunk) => chunk !== undefined));
}
