import type { Tsn } from "../base/serial.ts";
import { tsnDistance, tsnLess, tsnNext } from "../base/serial.ts";
import type { MessageName, ReceiveState } from "../rx/receive-state.ts";
import { hasReceived, partialIndex } from "../rx/receive-state.ts";
import type { SendState } from "../tx/send-state.ts";
import type { AssociationState } from "./state.ts";
import type { AssociationUpdate } from "./updates.ts";

/** TSNs of a receive state lie closer together than this, else serial order means nothing (RFC 1982). */
const reachTsns = 2 ** 30;
const notAgreed = "a message waits on a stream that was not agreed on";

/**
 * Why an update from another computer cannot be the next change of `state`, in a few words; undefined: it can.
 * The reducer asserts all of it, which is right for changes made here; what came over a link is asked first.
 */
export function updateFlaw(state: AssociationState, update: AssociationUpdate): string | undefined {
  const { send, receive, agreement } = state;
  switch (update.kind) {
    case "opened":
      return "the association is open already";
    case "phaseEntered":
      return update.phase === "cookie-echoed" ? "the association is set up a second time" : undefined;
    case "messageQueued":
      if (update.streamId >= agreement.outboundStreams) return notAgreed;
      return update.payload.length === 0 ? "a queued message is empty" : undefined;
    case "streamCountsChanged":
      return waitsAbove(send, update.outbound) ? notAgreed : undefined;
    case "addressConfirmed":
    case "primaryChanged":
      return agreement.peerAddresses.includes(update.address)
        ? undefined
        : "an address is none of the peer's";
    case "peerAddressesChanged":
      return update.addresses.includes(state.primaryAddress)
        ? undefined
        : "the primary address is taken away";
    case "localAddressesChanged":
      return update.addresses.length > 0 ? undefined : "the last address is taken away";
    case "tsnAssigned":
      return assignmentFlaw(send, update.tsn, update.streamId, update.lengthBytes);
    case "cumAcked":
      return tsnLess(update.tsn, send.nextTsn) ? undefined : "a TSN is acknowledged that was not sent";
    case "messageDiscarded":
      return send.streams.get(update.streamId)?.queue.first === undefined
        ? "a message is discarded where none waits"
        : undefined;
    case "abandoned":
      return abandonmentFlaw(send, update.tsns);
    case "outboundTsnReset":
      return send.outstanding.length === 0 ? undefined : "TSNs jump while some are outstanding";
    case "dataDelivered":
    case "dataReceived":
      return receptionFlaw(receive, update.chunk.tsn);
    case "dataDiscarded":
      return receptionFlaw(receive, update.tsn);
    case "delivered":
      return deliveryFlaw(receive, update.tsns);
    case "dataSkipped":
      return skipFlaw(receive, update);
    default:
      return undefined;
  }
}

function assignmentFlaw(
  send: SendState,
  tsn: Tsn,
  streamId: number,
  lengthBytes: number,
): string | undefined {
  const message = send.streams.get(streamId)?.queue.first;
  if (message === undefined) return "a TSN is assigned where no message waits";
  if (tsn !== send.nextTsn) return "a TSN is assigned out of turn";
  const leftBytes = message.payload.length - message.assignedBytes;
  return lengthBytes > 0 && lengthBytes <= leftBytes ? undefined : "a fragment is longer than its message";
}

function abandonmentFlaw(send: SendState, tsns: readonly Tsn[]): string | undefined {
  if (new Set(tsns).size < tsns.length) return "a chunk is abandoned twice";
  const known = tsns.every((tsn) => {
    const chunk = send.outstanding.at(tsnDistance(send.cumulativeAck, tsn) - 1);
    return chunk !== undefined && !chunk.abandoned;
  });
  return known ? undefined : "a chunk is abandoned that is not outstanding";
}

function receptionFlaw(receive: ReceiveState, tsn: Tsn): string | undefined {
  if (tsnDistance(receive.cumulativeTsn, tsn) > reachTsns) return "a TSN is far above the others";
  return hasReceived(receive, tsn) ? "a TSN is received twice" : undefined;
}

function deliveryFlaw(receive: ReceiveState, tsns: readonly Tsn[]): string | undefined {
  const chunks = tsns.map((tsn) => receive.buffered.get(tsn));
  const [first, last] = [chunks[0], chunks.at(-1)];
  const there = chunks.every((chunk) => chunk !== undefined) && new Set(tsns).size === tsns.length;
  if (!there || first === undefined || last === undefined) return "what is delivered was not received";
  const begun = partialIndex(receive, first) >= 0;
  if (!first.beginning && !begun) return "a part is delivered of a message that did not begin";
  return first.beginning && !last.ending && begun ? "a message begins twice" : undefined;
}

function skipFlaw(
  receive: ReceiveState,
  update: Extract<AssociationUpdate, { kind: "dataSkipped" }>,
): string | undefined {
  const steps = tsnDistance(receive.cumulativeTsn, update.cumulativeTsn);
  if (steps < 0 || steps > reachTsns) return "the cumulative TSN is moved back or far ahead";
  const { discarded, aborted } = update;
  if (new Set(discarded).size < discarded.length || discarded.some((tsn) => !receive.buffered.has(tsn))) {
    return "what is discarded was not received";
  }
  const open = new Set(aborted.map((name) => partialIndex(receive, name)));
  return open.size < aborted.length || open.has(-1) ? "a message is ended that did not begin" : undefined;
}

/**
 * Why a whole state from another computer cannot be gone on from, in a few words; undefined: it can.
 * Each part was readable; here they are compared with each other.
 */
export function stateFlaw(state: AssociationState): string | undefined {
  const { agreement, send, receive } = state;
  const { peerAddresses, localAddresses, extensions } = agreement;
  if (agreement.localTag === 0 || agreement.peerTag === 0) return "a tag is 0";
  if (localAddresses.length === 0 || peerAddresses.length === 0) return "one side has no address";
  if (!peerAddresses.includes(state.primaryAddress)) return "the primary address is none of the peer's";
  if ([...state.confirmedAddresses].some((address) => !peerAddresses.includes(address))) {
    return "an address is confirmed that is none of the peer's";
  }
  if (extensions.interleaving !== send.interleaving || extensions.interleaving !== receive.interleaving) {
    return "I-DATA is agreed on for one direction only";
  }
  if (state.phase === "cookie-echoed" && state.cookie === undefined) return "there is no cookie to echo";
  return waitsAbove(send, agreement.outboundStreams) ? notAgreed : receiveFlaw(receive);
}

const waitsAbove = (send: SendState, streams: number): boolean =>
  [...send.streams].some(([streamId, { queue }]) => queue.length > 0 && streamId >= streams);

function receiveFlaw(receive: ReceiveState): string | undefined {
  let below = receive.cumulativeTsn;
  for (const { first, last } of receive.above) {
    const ordered = tsnLess(tsnNext(below), first) && !tsnLess(last, first);
    if (!ordered || tsnDistance(receive.cumulativeTsn, last) > reachTsns) {
      return "the received TSNs are out of order";
    }
    below = last;
  }
  for (const tsn of receive.buffered.keys()) {
    if (!hasReceived(receive, tsn)) return "a chunk waits whose TSN was not received";
  }
  const named = (name: MessageName): string => `${name.streamId} ${String(name.unordered)} ${name.ssn}`;
  const partial = new Set(receive.partial.map(named));
  return partial.size < receive.partial.length ? "a message is delivered twice in part" : undefined;
}
