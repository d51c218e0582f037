import type { RandomSource } from "../../../agents/sctp/index.ts";
import { ssn, tsn } from "../../../agents/sctp/index.ts";
import type { Chunk, DataChunk, IDataChunk } from "../../../agents/sctp/wire/index.ts";

export interface SentMessage {
  readonly streamId: number;
  readonly unordered: boolean;
  /** SSN or MID; 0 for an unordered message of DATA chunks. */
  readonly ssn: number;
  readonly ppid: number;
  readonly payload: Uint8Array;
  readonly tsns: number[];
  abandoned: boolean;
}

type AnyData = DataChunk | IDataChunk;

export interface Sent {
  readonly messages: SentMessage[];
  /** In order of their TSNs, with the message that each one belongs to. */
  readonly chunks: { readonly chunk: AnyData; readonly message: SentMessage }[];
}

export interface SenderOptions {
  readonly interleaving: boolean;
  readonly messages: number;
  readonly streams: number;
  readonly initialTsn: number;
  readonly initialSsn: number;
  readonly largestMessageBytes: number;
  readonly fragmentBytes: number;
}

export const pick = (random: RandomSource, below: number): number => random.uint32() % below;

/** What a correct sender makes of random messages; written without a look at how they are put together again. */
export function sendAtRandom(random: RandomSource, options: SenderOptions): Sent {
  const { interleaving, streams, fragmentBytes } = options;
  const modulus = interleaving ? 2 ** 32 : 2 ** 16;
  const next = { ordered: new Map<number, number>(), unordered: new Map<number, number>() };
  const messages = Array.from({ length: options.messages }, (_, index): SentMessage => {
    const streamId = pick(random, streams);
    const unordered = pick(random, 4) === 0;
    const counters = unordered ? next.unordered : next.ordered;
    const counted = counters.get(streamId) ?? options.initialSsn;
    counters.set(streamId, (counted + 1) % modulus);
    const length = 1 + (pick(random, 3) === 0 ? pick(random, options.largestMessageBytes) : pick(random, 40));
    const payload = Uint8Array.from({ length }, (_each, at) => (index * 31 + at * 7) & 0xff);
    const number = unordered && !interleaving ? 0 : counted;
    return { streamId, unordered, ssn: number, ppid: index, payload, tsns: [], abandoned: false };
  });
  const chunks: Sent["chunks"] = [];
  // Messages under way: one after the other with DATA; one for each stream with I-DATA, in turns.
  const waiting = messages.map((message) => ({ message, offset: 0, fsn: 0 }));
  while (waiting.length > 0) {
    const heads = waiting.filter(
      (each, at) => waiting.findIndex((other) => other.message.streamId === each.message.streamId) === at,
    );
    const current = interleaving ? heads[pick(random, heads.length)]! : waiting[0]!;
    const { message, offset, fsn } = current;
    const end = Math.min(message.payload.length, offset + fragmentBytes);
    const chunkTsn = tsn(options.initialTsn + chunks.length);
    const common = {
      tsn: chunkTsn,
      streamId: message.streamId,
      unordered: message.unordered,
      beginning: offset === 0,
      ending: end === message.payload.length,
      immediate: pick(random, 10) === 0,
      payload: message.payload.subarray(offset, end),
    };
    const chunk: AnyData = interleaving
      ? {
          ...common,
          type: "I_DATA",
          messageId: message.ssn,
          fsn,
          ppid: common.beginning ? message.ppid : 0,
        }
      : { ...common, type: "DATA", ssn: ssn(message.ssn), ppid: message.ppid };
    message.tsns.push(chunkTsn);
    chunks.push({ chunk, message });
    current.offset = end;
    current.fsn += 1;
    if (common.ending) waiting.splice(waiting.indexOf(current), 1);
  }
  return { messages, chunks };
}

/** FORWARD TSN or I-FORWARD-TSN for what was abandoned right behind `cumulativeTsn`; undefined when there is nothing. */
export function forwardTsn(sent: Sent, cumulativeTsn: number, interleaving: boolean): Chunk | undefined {
  const from = sent.chunks.findIndex(({ chunk }) => chunk.tsn === (cumulativeTsn + 1) >>> 0);
  if (from < 0) return undefined;
  let to = from;
  while (sent.chunks[to]?.message.abandoned === true) to += 1;
  const skipped = sent.chunks.slice(from, to);
  const last = skipped.at(-1);
  if (last === undefined) return undefined;
  const highest = new Map<string, SentMessage>();
  for (const { message } of skipped) highest.set(`${message.streamId} ${message.unordered}`, message);
  const listed = [...highest.values()];
  const newCumulativeTsn = last.chunk.tsn;
  if (interleaving) {
    const streams = listed.map(({ streamId, unordered, ssn: messageId }) => ({
      streamId,
      unordered,
      messageId,
    }));
    return { type: "I_FORWARD_TSN", newCumulativeTsn, streams };
  }
  const streams = listed
    .filter(({ unordered }) => !unordered)
    .map(({ streamId, ssn: number }) => ({ streamId, ssn: ssn(number) }));
  return { type: "FORWARD_TSN", newCumulativeTsn, streams };
}
