import { tsnAdd, tsnNext } from "../base/serial.ts";
import type { MessageName, ReceivedChunk } from "../rx/receive-state.ts";
import {
  expectedSsn,
  hasReceived,
  isAdopted,
  isSkippedUnordered,
  partialIndex,
  ssnSteps,
} from "../rx/receive-state.ts";
import { continues, mayBreakOff } from "./broken-off.ts";
import type { AssociationCore } from "./core.ts";
import { isHeldBack } from "./deliver.ts";

/** What becomes of a chunk: it is taken in, thrown away because its message was given up, or it breaks a rule. */
export type Judgement =
  | { readonly outcome: "take" }
  | { readonly outcome: "stray" }
  | { readonly outcome: "violation"; readonly text: string };

const take: Judgement = { outcome: "take" };
const stray: Judgement = { outcome: "stray" };
const violation = (text: string): Judgement => ({ outcome: "violation", text });

/** Rests of messages come where the peer may give messages up, and after we had lost the beginning of one. */
const isLenient = ({ state }: AssociationCore): boolean =>
  state.agreement.extensions.partialReliability || state.receive.adopted !== undefined;

/** Whether a chunk fits what was received before it; a message that cannot become whole would stay for ever. */
export function judge(core: AssociationCore, chunk: ReceivedChunk, inSequence: boolean): Judgement {
  const { receive } = core.state;
  const lenient = isLenient(core);
  if (chunk.unordered) {
    const isWhole = chunk.beginning && chunk.ending;
    if (receive.interleaving && !isWhole && isSkippedUnordered(receive, chunk)) return stray;
  } else {
    const skip = receive.skips.find((each) => each.streamId === chunk.streamId);
    const isKnown = isAdopted(receive, chunk) && (!receive.behind || inSequence);
    const done = skip !== undefined && ssnSteps(receive, skip.ssn, chunk.ssn) <= 0;
    if (isKnown && (done || ssnSteps(receive, expectedSsn(receive, chunk.streamId), chunk.ssn) < 0)) {
      // Fragments of a message that was given up may be under way still; with I-DATA its first one cannot be,
      // since nothing after that has a lower TSN.
      return lenient && !(receive.interleaving && chunk.beginning)
        ? stray
        : violation("a message number was delivered already");
    }
  }
  const judgement = receive.interleaving ? judgeByFsn(core, chunk) : judgeByTsn(core, chunk);
  if (judgement !== take) return judgement;
  // Everything before it was received, so nothing can come any more that would fill the hole.
  const skipsOne =
    inSequence &&
    !chunk.unordered &&
    !receive.interleaving &&
    !lenient &&
    !isHeldBack(core) &&
    chunk.ssn !== expectedSsn(receive, chunk.streamId);
  return skipsOne ? violation("DATA skips a stream sequence number") : take;
}

/**
 * Fragments of DATA have consecutive TSNs (RFC 9260 section 3.3.1): what did not end goes on, what goes on began.
 * Only with partial reliability a message may stay without its end, and another one begin behind it.
 */
function judgeByTsn(core: AssociationCore, chunk: ReceivedChunk): Judgement {
  const { receive } = core.state;
  const mayFollow = (unfinished: MessageName, next: ReceivedChunk): boolean =>
    mayBreakOff(core) && (next.unordered || !sameName(unfinished, next));
  const broken = violation("DATA breaks off a message or goes on with none");
  const before = tsnAdd(chunk.tsn, -1);
  const previous = receive.buffered.get(before);
  if (previous !== undefined) {
    const fits = chunk.beginning ? previous.ending || mayFollow(previous, chunk) : continues(previous, chunk);
    if (!fits) return broken;
  } else if (hasReceived(receive, before)) {
    // What stood there was delivered: perhaps as the last part so far of a message.
    const partial = receive.partial.find((each) => each.nextTsn === chunk.tsn);
    if (chunk.beginning) {
      if (partial !== undefined && !mayFollow(partial, chunk)) return broken;
    } else if (partial === undefined || !sameName(partial, chunk)) {
      return isLenient(core) && partial === undefined ? stray : broken;
    }
  }
  const after = tsnNext(chunk.tsn);
  const next = receive.buffered.get(after);
  const fits =
    next === undefined
      ? chunk.ending || !hasReceived(receive, after) || mayBreakOff(core)
      : next.beginning
        ? chunk.ending || mayFollow(chunk, next)
        : continues(chunk, next);
  return fits ? take : broken;
}

const sameName = (one: MessageName, other: MessageName): boolean =>
  one.streamId === other.streamId && one.unordered === other.unordered && one.ssn === other.ssn;

/** Fragments of I-DATA have consecutive FSNs from 0 on, of which only the first begins and the last ends (RFC 8260 section 2.1). */
function judgeByFsn(core: AssociationCore, chunk: ReceivedChunk): Judgement {
  const { receive } = core.state;
  const partial = receive.partial[partialIndex(receive, chunk)];
  if (partial !== undefined && chunk.beginning) return violation("I-DATA begins a message a second time");
  if (partial === undefined && !chunk.beginning && chunk.fsn === 0) {
    return violation("I-DATA has fragment number 0 and begins no message");
  }
  const base = partial?.nextFsn ?? 0;
  const steps = (fsn: number): number => (fsn - base) | 0;
  if (steps(chunk.fsn) < 0) return violation("I-DATA has a fragment number that was delivered");
  const fragments = core.reassembly.fragmentsOf(chunk);
  const last = fragments.at(-1);
  if (last === undefined) return take;
  if (last.ending && steps(chunk.fsn) > steps(last.fsn)) return violation("I-DATA goes on behind an ending");
  if (chunk.ending && steps(chunk.fsn) < steps(last.fsn)) return violation("I-DATA ends before a fragment");
  if (core.reassembly.holds(chunk)) return violation("I-DATA repeats a fragment number");
  return take;
}
