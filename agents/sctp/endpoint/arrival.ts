import type { Route } from "../association/outputs.ts";
import type { SctpPacket } from "../wire/index.ts";

/** A packet that has come, whose checksum is good. */
export interface Arrival {
  readonly packet: SctpPacket;
  readonly bytes: Uint8Array;
  readonly route: Route;
  readonly nowMs: number;
  /** The IP header says Congestion Experienced. */
  readonly congestionExperienced: boolean;
}
