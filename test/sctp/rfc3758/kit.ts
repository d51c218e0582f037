import { noExtensions } from "../../../agents/sctp/index.ts";
import type { Delivery, Reliability } from "../../../agents/sctp/index.ts";
import type { Script, Setting } from "../rfc9260/kit.ts";
import { established, full } from "../rfc9260/kit.ts";
import type { Sketch } from "../rfc9260/sketches.ts";

/** The policies as a user asks for them (RFC 3758 section 4.1, RFC 7496 section 3). */
export const lives = (lifetimeMs: number): { readonly reliability: Reliability } => ({
  reliability: { policy: "timed", lifetimeMs },
});
export const retransmitted = (maxRetransmits: number): { readonly reliability: Reliability } => ({
  reliability: { policy: "limited-retransmissions", maxRetransmits },
});
export const urgent = (priority: number): { readonly reliability: Reliability } => ({
  reliability: { policy: "priority", priority },
});

/** `skipped`: stream and SSN. */
export const forward = (
  newCumulativeTsn: number,
  ...skipped: readonly (readonly [number, number])[]
): Sketch => ({
  type: "FORWARD_TSN",
  newCumulativeTsn,
  streams: skipped.map(([streamId, ssn]) => ({ streamId, ssn })),
});

/** Both sides have FORWARD TSN; there is no Max.Burst in the way of a script. */
export const partiallyReliable = (setting: Setting = {}): Setting => ({
  peerParameters: [{ type: "FORWARD_TSN_SUPPORTED" }],
  ...setting,
  parameters: {
    extensions: { ...noExtensions, partialReliability: true },
    maxBurst: 1000,
    ...setting.parameters,
  },
});

/** Established with partial reliability, and nothing was sent since. */
export const agreed = (setting: Setting = {}): Script => established(partiallyReliable(setting));

/** As `full` of the scripts for RFC 9260, with partial reliability. */
export const agreedAndFull = (packets: number, setting: Setting = {}): Script =>
  full(packets, partiallyReliable(setting));

/** The same, and the peer's first message (TSN 1, stream 0, SSN 0) was acknowledged: SACKs may be delayed now. */
export function receiving(setting: Setting = {}): Script {
  const script = agreed(setting);
  script.peer.sends({ type: "DATA", tsn: setting.peerInitialTsn ?? 1 });
  script.peer.skips(500);
  script.user.takes();
  return script;
}

/** Deliveries in short: stream, `u` or `o`, SSN, bytes; `..` where parts are missing. */
export const inShort = (deliveries: readonly Delivery[]): string[] =>
  deliveries.map(({ streamId, unordered, ssn, payload, beginning, ending }) => {
    const name = unordered ? `${streamId}u` : `${streamId}o${ssn}`;
    return `${beginning ? "" : ".."}${name}:${payload.length}${ending ? "" : ".."}`;
  });
