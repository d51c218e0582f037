import { unreachable } from "../base/assert.ts";
import type { Tsn } from "../base/serial.ts";
import type { PassedTsns } from "./passed-tsns.ts";
import { passTsns } from "./passed-tsns.ts";
import type { MessageTerms, SendState } from "./send-state.ts";
import {
  abandon,
  acknowledge,
  assignTsn,
  discardFirst,
  enqueue,
  resetStreams,
  resetTsn,
} from "./send-state.ts";

/** One change of the sending half of the association state. */
export type SendUpdate =
  | {
      readonly kind: "messageQueued";
      readonly streamId: number;
      readonly ppid: number;
      readonly unordered: boolean;
      readonly immediate: boolean;
      readonly payload: Uint8Array;
      readonly terms: MessageTerms;
    }
  | {
      readonly kind: "tsnAssigned";
      readonly tsn: Tsn;
      readonly streamId: number;
      readonly lengthBytes: number;
    }
  | { readonly kind: "cumAcked"; readonly tsn: Tsn }
  /** The first message of a stream's queue is given up, as far as it has no TSN yet (RFC 3758). */
  | { readonly kind: "messageDiscarded"; readonly streamId: number }
  /** These chunks are given up (RFC 3758). */
  | { readonly kind: "abandoned"; readonly tsns: readonly Tsn[] }
  /** Streams begin again with SSN or MID 0 (RFC 6525 section 5.2.7, H4); none listed: all of them. */
  | { readonly kind: "outboundStreamsReset"; readonly streamIds: readonly number[] }
  /** Nothing is outstanding, and TSNs go on with this one, SSNs with 0 (RFC 6525 section 5.2.7, H5). */
  | { readonly kind: "outboundTsnReset"; readonly nextTsn: Tsn }
  /** Another instance may have used TSNs: we go on behind them. */
  | ({ readonly kind: "tsnsPassed" } & PassedTsns);

/** The sending half of the reducer. */
export function applySendUpdate(state: SendState, update: SendUpdate): void {
  switch (update.kind) {
    case "messageQueued": {
      const { streamId, ppid, unordered, immediate, payload, terms } = update;
      enqueue(state, streamId, ppid, unordered, immediate, payload, terms);
      break;
    }
    case "tsnAssigned":
      assignTsn(state, update.tsn, update.streamId, update.lengthBytes);
      break;
    case "cumAcked":
      acknowledge(state, update.tsn);
      break;
    case "messageDiscarded":
      discardFirst(state, update.streamId);
      break;
    case "abandoned":
      for (const tsn of update.tsns) abandon(state, tsn);
      break;
    case "outboundStreamsReset":
      resetStreams(state, update.streamIds);
      break;
    case "outboundTsnReset":
      resetTsn(state, update.nextTsn);
      break;
    case "tsnsPassed":
      passTsns(state, update);
      break;
    default:
      unreachable(update);
  }
}
