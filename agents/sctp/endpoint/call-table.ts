import type { OutgoingMessage } from "../association/outgoing-message.ts";
import type { ProtocolParameters } from "../base/parameters.ts";
import { AddressIndex } from "./address-index.ts";
import type { LocalOffer } from "./offer.ts";

/** What may be set for one association before it exists (RFC 6458 section 5.3.1, `struct sctp_initmsg`). */
export interface ConnectOptions {
  readonly outboundStreams?: number;
  readonly maxInboundStreams?: number;
  readonly maxInitRetransmits?: number;
  readonly maxInitTimeoutMs?: number;
}

/**
 * An association that we start: in COOKIE-WAIT, where INIT is out and the peer's tag is not known, and
 * remembered in COOKIE-ECHOED, because a stale cookie leads back (RFC 9260 sections 4 and 5.2.6).
 */
export interface Call {
  readonly offer: LocalOffer;
  readonly peerPort: number;
  /** The peer's addresses as the user gave them: INIT goes to one after the other. */
  readonly addresses: readonly string[];
  readonly parameters: ProtocolParameters;
  /** T1-init for each address. */
  timeoutsMs: readonly number[];
  /** INIT chunks sent. */
  attempts: number;
  deadlineMs: number;
  /** How much longer the next cookie should live. */
  cookieIncrementMs: number;
  cookieEchoedAtMs: number;
  /** When the first INIT left after a cookie was found stale, for the last time; undefined before the first time. */
  renewedAtMs: number | undefined;
  /** COOKIE ECHOs of cookies before the present one that the peer may still answer with ERROR. */
  unansweredEchoes: number;
  /** Number of the last update of the association under this tag, where there was one before. */
  sequence: number;
  userState: Uint8Array;
  /** Messages that the user gave before the cookie was found stale. */
  readonly waiting: OutgoingMessage[];
  /** The user wants to shut down as soon as that is possible. */
  shutdownWanted: boolean;
  /** What the peer said about its adaptation layer in INIT ACK. */
  adaptation: number | undefined;
}

/** The calls of an endpoint by local tag, and by the addresses that are called. */
export class CallTable {
  readonly #calls: Map<number, Call> = new Map<number, Call>();
  readonly #index: AddressIndex<Call> = new AddressIndex<Call>();

  get size(): number {
    return this.#calls.size;
  }

  get(localTag: number): Call | undefined {
    return this.#calls.get(localTag);
  }

  values(): Iterable<Call> {
    return this.#calls.values();
  }

  add(call: Call): void {
    this.#calls.set(call.offer.tag, call);
    this.#index.add(call, call.addresses, call.peerPort);
  }

  delete(localTag: number): void {
    const call = this.#calls.get(localTag);
    if (call === undefined) return;
    this.#calls.delete(localTag);
    this.#index.remove(call, call.addresses, call.peerPort);
  }

  to(address: string, peerPort: number): Call | undefined {
    return this.#index.at(address, peerPort)[0];
  }
}
