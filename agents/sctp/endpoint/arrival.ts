import type { Route } from "../association/outputs.ts";
import type { PacketFlaw, SctpPacket } from "../wire/index.ts";

/** A packet that has come, whose checksum is good. */
export interface Arrival {
  readonly packet: SctpPacket;
  readonly bytes: Uint8Array;
  /** The chunk behind those of `packet` that cannot be read. */
  readonly flaw: PacketFlaw | undefined;
  readonly route: Route;
  readonly nowMs: number;
  /** The IP header says Congestion Experienced. */
  readonly congestionExperienced: boolean;
}
