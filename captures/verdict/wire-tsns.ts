import type { WireTransmission } from "./handshake.ts";
import type { MessageHead } from "./history.ts";

/** What the captures say of one TSN. */
export interface WireTsn {
  /** First seen, at the sending end where that was captured. */
  readonly atUs: number;
  /** Last seen. */
  readonly lastUs: number;
  readonly packetId: number;
  readonly host: string;
  readonly ending: boolean;
}

export type TsnSide = "peer" | "cluster";

/** Every TSN that was on the wire, by the side that it goes to. */
export class WireTsns {
  readonly #tsns = { peer: new Map<number, WireTsn>(), cluster: new Map<number, WireTsn>() };

  /** @param wire oldest first */
  constructor(wire: readonly WireTransmission[]) {
    for (const { packet, toward } of wire) {
      for (const { type, tsn, ending, malformed } of packet.sctp.chunks) {
        if ((type !== "DATA" && type !== "I_DATA") || tsn === undefined || malformed !== undefined) continue;
        const { at, id, host } = packet;
        const first = this.#tsns[toward].get(tsn) ?? { atUs: at, packetId: id, host };
        this.#tsns[toward].set(tsn, { ...first, lastUs: at, ending: ending === true });
      }
    }
  }

  get(side: TsnSide, tsn: number): WireTsn | undefined {
    return this.#tsns[side].get(tsn);
  }

  /**
   * The TSNs of a message from its first fragment on; a message that was broken off has one more, which its
   * next fragment would have had (RFC 9260 section 6.9).
   */
  spanOf(head: MessageHead): { readonly first: number; readonly last: number } {
    const side = sideOf(head.flow);
    let last = head.tsn;
    for (;;) {
      const seen = this.get(side, last);
      if (seen === undefined || seen.ending) return { first: head.tsn, last };
      last = (last + 1) >>> 0;
    }
  }
}

/** Where the messages of a flow go. */
export const sideOf = (flow: MessageHead["flow"]): TsnSide => (flow === "down" ? "peer" : "cluster");
