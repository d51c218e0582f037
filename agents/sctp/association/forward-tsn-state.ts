import type { Tsn } from "../base/serial.ts";

/** The last FORWARD TSN, as long as the peer has not shown that it came (RFC 3758 section 3.5, C3 and F2). */
export interface ForwardTsnSent {
  readonly upTo: Tsn | undefined;
  /** Address that it went to. */
  readonly sentTo: string | undefined;
  /** SACKs since then that leave it out. */
  readonly lacking: number;
}

export const noForwardTsn: ForwardTsnSent = { upTo: undefined, sentTo: undefined, lacking: 0 };
