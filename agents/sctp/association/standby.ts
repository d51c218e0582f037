import { joinPayload } from "../rx/reassembly.ts";
import type { ReceiveUpdate } from "../rx/receive-updates.ts";
import { parsePacket, writePacket } from "../wire/index.ts";
import type { AssociationState } from "./state.ts";

/**
 * The HEARTBEAT ACK packet that a computer which only holds association states sends from its own
 * address, so that the peer confirms that address (RFC 9260 sections 5.4 and 8.3); undefined when the
 * packet is no HEARTBEAT of an association's peer. `stateOf` finds a state by our verification tag.
 */
export function answerHeartbeat(
  stateOf: (localTag: number) => AssociationState | undefined,
  bytes: Uint8Array,
  remote: string,
): Uint8Array | undefined {
  const parsed = parsePacket(bytes);
  if (!parsed.ok || !parsed.checksumGood) return undefined;
  const { packet } = parsed;
  const [first] = packet.chunks;
  if (first?.type !== "HEARTBEAT" || packet.chunks.length !== 1) return undefined;
  const state = stateOf(packet.verificationTag);
  if (state === undefined || state.phase === "closed") return undefined;
  const { localTag, peerTag, localPort, peerPort, peerAddresses } = state.agreement;
  const isOurs =
    localTag === packet.verificationTag &&
    localPort === packet.destinationPort &&
    peerPort === packet.sourcePort &&
    peerAddresses.includes(remote);
  if (!isOurs) return undefined;
  return writePacket({
    sourcePort: localPort,
    destinationPort: peerPort,
    verificationTag: peerTag,
    chunks: [{ ...first, type: "HEARTBEAT_ACK" }],
  });
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
