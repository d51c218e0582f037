import type { Tsn } from "../base/serial.ts";
import { tsnAdd, tsnNext } from "../base/serial.ts";
import type { MessageName, ReceivedChunk } from "../rx/receive-state.ts";
import { hasReceived, partialIndex } from "../rx/receive-state.ts";
import type { AssociationCore } from "./core.ts";

/*
 * A peer with partial reliability may give up a message of which only the first fragments got TSNs. Once those are
 * acknowledged nothing is left that FORWARD TSN could skip (RFC 3758 section 3.5), so that it sends none, and its
 * next TSN carries another message: Linux does so. Fragments have consecutive TSNs (RFC 9260 section 6.9), so the
 * neighbour alone proves that the message never becomes whole, in whatever order the two came.
 *
 * With I-DATA there is no such proof: its receiver must assume nothing about TSNs (RFC 8260 section 2.2.3), and a
 * message lasts until I-FORWARD-TSN lists it.
 */

/** Whether the peer may leave a message without its end. */
export const mayBreakOff = (core: AssociationCore): boolean =>
  core.state.agreement.extensions.partialReliability && !core.state.receive.interleaving;

/** `next`, whose TSN follows, is the next fragment of the same message. */
export const continues = (chunk: ReceivedChunk, next: ReceivedChunk): boolean =>
  !chunk.ending &&
  !next.beginning &&
  next.streamId === chunk.streamId &&
  next.unordered === chunk.unordered &&
  next.ssn === chunk.ssn;

/** Whether an ordered message, of which something came, can never become whole. */
export function isBrokenOff(core: AssociationCore, name: MessageName): boolean {
  const { receive } = core.state;
  const partial = receive.partial[partialIndex(receive, name)];
  const fragments = core.reassembly.fragmentsOf(name);
  const last = fragments.at(-1);
  if (last === undefined) return partial !== undefined && hasReceived(receive, partial.nextTsn);
  return !last.ending && hasReceived(receive, tsnNext(last.tsn));
}

/** An unordered message that can never become whole: fragments in hand without a hole, none if all were delivered. */
export interface BrokenRun {
  readonly name: MessageName;
  readonly fragments: readonly ReceivedChunk[];
}

/** The unordered message that had to go on with `tsn`, which was received; undefined where it does, or where there is none. */
export function unorderedBrokenBefore(core: AssociationCore, tsn: Tsn): BrokenRun | undefined {
  const { receive } = core.state;
  const next = receive.buffered.get(tsn);
  const last = receive.buffered.get(tsnAdd(tsn, -1));
  if (last === undefined) {
    const name = receive.partial.find((each) => each.unordered && each.nextTsn === tsn);
    const goesOn = next?.unordered === true && !next.beginning && next.streamId === name?.streamId;
    return name === undefined || goesOn ? undefined : { name, fragments: [] };
  }
  if (!last.unordered || last.ending || (next !== undefined && continues(last, next))) return undefined;
  const fragments = [last];
  for (let first = last; !first.beginning;) {
    const before = receive.buffered.get(tsnAdd(first.tsn, -1));
    if (before === undefined || !continues(before, first)) break;
    fragments.unshift(before);
    first = before;
  }
  return { name: last, fragments };
}

/** Throws a message away, and a partial delivery of it ends (RFC 6458 section 6.1.7). An ordered one is the next of its stream. */
export function giveUp(core: AssociationCore, { name, fragments }: BrokenRun): void {
  const { streamId, unordered, ssn } = name;
  const partial = core.state.receive.partial[partialIndex(core.state.receive, name)];
  // Unordered messages of a stream share one name: there the place tells whether it is this one that was begun.
  const place = fragments[0]?.tsn ?? partial?.nextTsn;
  const isBegun = partial !== undefined && (!unordered || partial.nextTsn === place);
  const aborted = isBegun ? [{ streamId, unordered, ssn }] : [];
  for (const each of fragments) core.reassembly.remove([each]);
  core.receivedSequence = core.change({
    kind: "dataSkipped",
    cumulativeTsn: core.state.receive.cumulativeTsn,
    discarded: fragments.map((each) => each.tsn),
    aborted,
    advances: unordered ? [] : [{ streamId, ssn }],
    skips: [],
    unorderedSkips: [],
  });
  partialDeliveriesAborted(core, aborted);
}

/** Tells the user that the rest of messages does not come (RFC 6458 section 6.1.7). */
export function partialDeliveriesAborted(core: AssociationCore, names: readonly MessageName[]): void {
  for (const { streamId, unordered, ssn } of names) {
    core.notify({ type: "partial-delivery-aborted", streamId, ssn, unordered });
  }
}
