import type { Tsn } from "../base/serial.ts";
import { tsnAdd, tsnDistance, tsnLess, tsnNext } from "../base/serial.ts";
import type { SendState, SkippedMessage } from "./send-state.ts";
import { acknowledge, outboundStream } from "./send-state.ts";

/** The numbers with which an outbound stream goes on. */
export interface StreamNumbers {
  readonly streamId: number;
  readonly nextSsn: number;
  readonly nextUnorderedMid: number;
}

/** TSNs that another instance may have used. */
export interface PassedTsns {
  /** The peer has acknowledged everything up to here, whoever sent it. */
  readonly ackedTsn: Tsn;
  /** The first TSN that nobody has used. */
  readonly limitTsn: Tsn;
  /** Streams go on with these numbers, which nobody has used. */
  readonly streams: readonly StreamNumbers[];
}

/** Messages named with one TSN: so many fit into a FORWARD TSN of the smallest packet. */
export const skippedPerTsn = 64;

/** The stream of a chunk that belongs to none: streams are numbered up to 65,534 (RFC 9260 section 3.3.2). */
const noStream = 0xffff;

/** What has to be skipped before streams can go on with these numbers. */
function skippedBefore(interleaving: boolean, streams: readonly StreamNumbers[]): SkippedMessage[] {
  const before = (next: number): number => (interleaving ? (next - 1) >>> 0 : (next - 1) & 0xffff);
  const skipped: SkippedMessage[] = [];
  for (const { streamId, nextSsn, nextUnorderedMid } of streams) {
    skipped.push({ streamId, unordered: false, ssn: before(nextSsn) });
    if (interleaving) skipped.push({ streamId, unordered: true, ssn: before(nextUnorderedMid) });
  }
  return skipped;
}

/**
 * Goes on behind TSNs that another instance may have used. Those that the peer may still lack are outstanding,
 * without content and given up, so that it is moved over them.
 */
export function passTsns(state: SendState, { ackedTsn, limitTsn, streams }: PassedTsns): void {
  if (tsnLess(ackedTsn, state.nextTsn)) {
    if (tsnLess(state.cumulativeAck, ackedTsn)) acknowledge(state, ackedTsn);
  } else {
    if (state.outstanding.length > 0) acknowledge(state, tsnAdd(state.nextTsn, -1));
    state.cumulativeAck = ackedTsn;
    state.nextTsn = tsnNext(ackedTsn);
  }
  const skipped = skippedBefore(state.interleaving, streams);
  const count = tsnDistance(state.nextTsn, limitTsn);
  // They are named with the last TSNs, which the peer cannot have.
  const named = count - Math.ceil(skipped.length / skippedPerTsn);
  for (let place = 0; place < count; place++) {
    state.outstanding.push({
      tsn: state.nextTsn,
      streamId: noStream,
      ssn: 0,
      fsn: 0,
      ppid: 0,
      unordered: true,
      beginning: true,
      ending: true,
      immediate: false,
      payload: new Uint8Array(0),
      terms: {},
      abandoned: true,
      unknown:
        place < named
          ? []
          : skipped.slice((place - named) * skippedPerTsn, (place - named + 1) * skippedPerTsn),
    });
    state.nextTsn = tsnNext(state.nextTsn);
  }
  for (const { streamId, nextSsn, nextUnorderedMid } of streams) {
    const stream = outboundStream(state, streamId);
    stream.nextSsn = nextSsn;
    stream.nextUnorderedMid = nextUnorderedMid;
  }
}
