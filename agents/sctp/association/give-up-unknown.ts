import { tsnAdd, tsnDistance, tsnLess, tsnNext } from "../base/serial.ts";
import type { Tsn } from "../base/serial.ts";
import type { StreamNumbers } from "../tx/passed-tsns.ts";
import { skippedPerTsn } from "../tx/passed-tsns.ts";
import type { OutstandingChunk, QueuedMessage, SendState } from "../tx/send-state.ts";
import { queuedMessages } from "../tx/send-state.ts";
import type { AssociationCore } from "./core.ts";
import type { TsnLease } from "./lease.ts";
import { maySendData } from "./data-phases.ts";

/*
 * Another instance may have used TSNs that this state knows nothing of: at most those up to the limit of its lease.
 * Nobody knows what they carried, so they are outstanding without content, given up, and skipped by FORWARD TSN with
 * all SSNs or MIDs that they may have used. What is new goes on with numbers that nobody has used.
 *
 * A message that waits here may have been sent under the lease. Sent again it could arrive twice, and no SACK excludes
 * that: what left the other instance may still be on its way when the peer answers. So as many messages as TSNs may
 * have been used are given up, and the user is told. Those behind them are sent.
 */

/** TSNs that waiting messages may take at most, beyond the lease. */
const mostSlots = 1024;
/** A peer takes in nothing that is further above its cumulative TSN: Linux and we ourselves stop at 4096. */
const mostUnknown = 2048;

/** How many TSNs would have to be skipped without anybody knowing what they carried. */
const unknownTsns = ({ state }: AssociationCore, { ackedTsn, limitTsn }: TsnLease): number => {
  const { send } = state;
  const first = tsnLess(ackedTsn, send.nextTsn) ? send.nextTsn : tsnNext(ackedTsn);
  return tsnDistance(first, limitTsn);
};

/** A lease of more than any peer would follow us over. */
export const isTooLarge = (core: AssociationCore, lease: TsnLease | undefined): boolean =>
  lease !== undefined && unknownTsns(core, lease) > mostUnknown;

/** Gives up what another instance may have sent; answers the first TSN of it, undefined where there is none. */
export function giveUpUnknown(core: AssociationCore, lease: TsnLease | undefined): Tsn | undefined {
  const { send, phase } = core.state;
  if (lease === undefined) return undefined;
  const tsns = maySendData(phase) ? Math.max(0, tsnDistance(send.nextTsn, lease.limitTsn)) : 0;
  if (tsns === 0) {
    const isNews = tsnLess(send.cumulativeAck, lease.ackedTsn) && tsnLess(lease.ackedTsn, send.nextTsn);
    if (isNews) core.change({ kind: "cumAcked", tsn: lease.ackedTsn });
    return undefined;
  }
  const isNewer = tsnLess(send.nextTsn, lease.nextTsn);
  const numbers = numbersBefore(send, isNewer ? lease : undefined);
  const waiting = perhapsSent(core, tsns);
  const begun = begunParts(send, waiting);
  const ackedTsn = tsnLess(send.cumulativeAck, lease.ackedTsn) ? lease.ackedTsn : send.cumulativeAck;
  const firstTsn = tsnLess(ackedTsn, send.nextTsn) ? send.nextTsn : tsnNext(ackedTsn);
  const usedTsn = tsnLess(firstTsn, lease.limitTsn) ? lease.limitTsn : firstTsn;
  core.change({ kind: "tsnsPassed", ackedTsn, limitTsn: usedTsn, streams: isNewer ? lease.streams : [] });
  const given = giveUpWaiting(core, waiting, begun);
  const steps = isNewer ? tsnDistance(lease.nextTsn, lease.limitTsn) : tsns;
  const streams = numbersBehind(core, numbers, steps, given);
  // The peer may have all that the lease covers: what it has to skip is named with TSNs behind that.
  const names = streams.length * (send.interleaving ? 2 : 1);
  const limitTsn = tsnAdd(send.nextTsn, Math.ceil(names / skippedPerTsn));
  core.change({ kind: "tsnsPassed", ackedTsn, limitTsn, streams });
  core.scheduler.resume(send);
  const text = `TSNs ${firstTsn} to ${tsnAdd(limitTsn, -1)} may have been used and are given up, with ${waiting.length} messages that may have been sent`;
  core.notify({ type: "recovery-step", step: "lease", text, limitTsn: lease.limitTsn });
  return begun.reduce((lowest, { tsn }) => (tsnLess(tsn, lowest) ? tsn : lowest), firstTsn);
}

type Numbers = ReadonlyMap<number, { readonly nextSsn: number; readonly nextUnorderedMid: number }>;

/** What the streams had used at a known place: in the lease, or in the state where that is newer. */
function numbersBefore(send: SendState, lease: TsnLease | undefined): Numbers {
  if (lease !== undefined) return new Map(lease.streams.map((each) => [each.streamId, each]));
  const entries = [...send.streams].map(
    ([streamId, { nextSsn, nextUnorderedMid }]) => [streamId, { nextSsn, nextUnorderedMid }] as const,
  );
  return new Map(entries);
}

/** Numbers that nobody has used: any stream may have got a message with each of the `steps` TSNs. */
function numbersBehind(
  core: AssociationCore,
  before: Numbers,
  steps: number,
  given: ReadonlyMap<number, number>,
): StreamNumbers[] {
  const { send, agreement } = core.state;
  const add = (next: number, count: number): number =>
    send.interleaving ? (next + count) >>> 0 : (next + count) & 0xffff;
  return Array.from({ length: agreement.outboundStreams }, (_, streamId) => {
    const { nextSsn = 0, nextUnorderedMid = 0 } = before.get(streamId) ?? {};
    const count = Math.max(steps, given.get(streamId) ?? 0);
    if (!send.interleaving) return { streamId, nextSsn: add(nextSsn, count), nextUnorderedMid: 0 };
    // usrsctp 0.9.5 takes the MID of an unordered message that is skipped for that of an ordered one, too.
    const next = add(((nextUnorderedMid - nextSsn) | 0) > 0 ? nextUnorderedMid : nextSsn, count);
    return { streamId, nextSsn: next, nextUnorderedMid: next };
  });
}

/**
 * The waiting messages that may have been sent with so many TSNs, in the order of sending. Where messages leave in the
 * order in which they were given, what was given later cannot have come before; otherwise any stream may have had all
 * the TSNs. A message that may be given up unsent takes none.
 */
function perhapsSent(core: AssociationCore, tsns: number): QueuedMessage[] {
  const { send, reconfiguration } = core.state;
  const isQuiet = reconfiguration.inFlight === undefined && reconfiguration.wanted.length === 0;
  const inOrder = core.scheduler.name === "first-come-first-served" && isQuiet;
  const all = [...queuedMessages(send)].toSorted((a, b) => a.order - b.order);
  const counts = new Map<number, number>();
  const found = all.filter((message) => {
    const key = inOrder ? 0 : message.streamId;
    const count = counts.get(key) ?? 0;
    if (count >= tsns && message.assignedBytes === 0) return false;
    if (message.terms.reliability === undefined) counts.set(key, count + 1);
    return true;
  });
  // What was begun is finished before anything else gets a TSN, and its fragments have TSNs in a row.
  const isBegun = ({ assignedBytes }: QueuedMessage): boolean => assignedBytes > 0;
  return [...found.filter(isBegun), ...found.filter((message) => !isBegun(message))];
}

/** The outstanding fragments of messages that were begun. */
function begunParts(send: SendState, waiting: readonly QueuedMessage[]): readonly OutstandingChunk[] {
  const begun = waiting.filter(({ assignedBytes }) => assignedBytes > 0);
  if (begun.length === 0) return [];
  const parts: OutstandingChunk[] = [];
  const left = new Map(begun.map((message) => [message, message.assignedFragments]));
  for (const chunk of [...send.outstanding].toReversed()) {
    const message = begun.find(
      (each) => each.streamId === chunk.streamId && each.unordered === chunk.unordered,
    );
    const count = message === undefined ? 0 : (left.get(message) ?? 0);
    if (message === undefined || count === 0) continue;
    left.set(message, count - 1);
    parts.push(chunk);
  }
  return parts;
}

/**
 * Gives the waiting messages TSNs with which they are never sent, and which the peer cannot have; answers how many that
 * were by stream.
 */
function giveUpWaiting(
  core: AssociationCore,
  waiting: readonly QueuedMessage[],
  begun: readonly OutstandingChunk[],
): ReadonlyMap<number, number> {
  const { send } = core.state;
  const isOutstanding = (chunk: OutstandingChunk): boolean => tsnLess(send.cumulativeAck, chunk.tsn);
  const tsns = begun.filter((chunk) => isOutstanding(chunk) && !chunk.abandoned).map((chunk) => chunk.tsn);
  const given = new Map<number, number>();
  for (const [place, message] of waiting.entries()) {
    const { streamId, ppid, payload, assignedBytes, terms } = message;
    const hasSlot = waiting.length - place <= mostSlots;
    const { nextTsn } = send;
    if (hasSlot) {
      const lengthBytes = payload.length - assignedBytes;
      core.change({ kind: "tsnAssigned", tsn: nextTsn, streamId, lengthBytes });
      tsns.push(nextTsn);
      given.set(streamId, (given.get(streamId) ?? 0) + 1);
    } else core.change({ kind: "messageDiscarded", streamId });
    core.notify({
      type: "send-failed",
      streamId,
      ppid,
      context: terms.context ?? 0,
      payload: payload.subarray(assignedBytes),
      sent: true,
      ...(hasSlot ? { tsn: nextTsn } : undefined),
      reason: "takeover",
    });
  }
  if (tsns.length > 0) core.change({ kind: "abandoned", tsns });
  return given;
}
