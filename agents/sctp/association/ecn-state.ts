import type { Tsn } from "../base/serial.ts";

/**
 * Explicit congestion notification, where both sides offered it. RFC 9260 only keeps the chunk types; what
 * they do is in RFC 4960 appendix A: the receiver of a marked packet says so with each SACK until it hears
 * CWR, the sender reduces its window once for a window of data.
 */
export interface EcnState {
  /** Lowest TSN of the first marked packet that the peer has not answered with CWR. */
  readonly marked: Tsn | undefined;
  /** Highest TSN that was outstanding when the window was last reduced. */
  readonly reducedUpTo: Tsn | undefined;
}

export const noEcn: EcnState = { marked: undefined, reducedUpTo: undefined };
