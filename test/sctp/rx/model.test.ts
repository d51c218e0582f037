import { describe, expect, it } from "vitest";
import type { Delivery } from "../../../agents/sctp/index.ts";
import { seededRandom } from "../../../agents/sctp/index.ts";
import { Receiver } from "./receiver.ts";
import type { Sent, SentMessage } from "./sender.ts";
import { forwardTsn, pick, sendAtRandom } from "./sender.ts";

interface Got {
  readonly streamId: number;
  readonly unordered: boolean;
  readonly ssn: number;
  readonly ppid: number;
  readonly payload: Uint8Array;
}

const nameOf = ({ streamId, unordered, ssn }: Omit<Got, "payload" | "ppid">): string =>
  `${streamId} ${unordered ? "unordered" : "ordered"} ${ssn}`;

/** Messages out of deliveries, parts put together; `abortedAt` tells of parts that get no end. */
function assemble(receiver: Receiver, interleaves: boolean): Got[] {
  const open = new Map<string, Delivery[]>();
  const whole: Got[] = [];
  for (const delivery of receiver.deliveries) {
    const name = nameOf(delivery);
    if (!interleaves && open.size > 0) expect([...open.keys()]).toEqual([name]);
    if (delivery.beginning) expect(open.has(name)).toBe(false);
    else expect(open.has(name)).toBe(true);
    const parts = [...(open.get(name) ?? []), delivery];
    open.set(name, parts);
    if (!delivery.ending) continue;
    open.delete(name);
    const payload = Buffer.concat(parts.map((part) => part.payload));
    const { streamId, unordered, ssn, ppid } = delivery;
    whole.push({ streamId, unordered, ssn, ppid, payload: new Uint8Array(payload) });
  }
  expect([...open.keys()]).toEqual([]);
  return whole;
}

const content = ({ streamId, unordered, ssn, ppid, payload }: Got | SentMessage): string =>
  `${nameOf({ streamId, unordered, ssn })} ${ppid} ${Buffer.from(payload).toString("hex")}`;

const orderedOf = (all: readonly (Got | SentMessage)[], streamId: number): string[] =>
  all.filter((each) => !each.unordered && each.streamId === streamId).map(content);

const unorderedOf = (all: readonly (Got | SentMessage)[]): string[] =>
  all
    .filter((each) => each.unordered)
    .map(content)
    .toSorted();

/** Chunks with a number above `window` places away stay in order; each may come twice. */
function shuffled<T>(random: ReturnType<typeof seededRandom>, all: readonly T[], window: number): T[] {
  const keyed = all.flatMap((each, at) => {
    const copies = pick(random, 8) === 0 ? 2 : 1;
    return Array.from({ length: copies }, () => ({ each, at: at + pick(random, window) }));
  });
  return keyed.toSorted((a, b) => a.at - b.at).map(({ each }) => each);
}

const wraps = { initialTsn: 0xffffffc0, initialSsn: { data: 0xfffd, iData: 0xfffffffd } };
const seeds = Array.from({ length: 8 }, (_, index) => 7919 * index + 1);
const kinds = [
  { kind: "DATA", interleaving: false, fragmentInterleave: 0 },
  { kind: "DATA, interleaved parts", interleaving: false, fragmentInterleave: 2 },
  { kind: "I-DATA", interleaving: true, fragmentInterleave: 2 },
] as const;

const cases = kinds.flatMap((kind) => seeds.map((seed) => ({ ...kind, seed })));

function world(
  each: (typeof cases)[number],
  partialReliability: boolean,
): { sent: Sent; receiver: Receiver } {
  const random = seededRandom(each.seed);
  const streams = 4;
  const initialSsn = each.interleaving ? wraps.initialSsn.iData : wraps.initialSsn.data;
  const { initialTsn } = wraps;
  const sent = sendAtRandom(random, {
    ...each,
    messages: 120,
    streams,
    initialTsn,
    initialSsn,
    largestMessageBytes: 3000,
    fragmentBytes: 100,
  });
  // Unordered messages have counters of their own.
  const receiver = new Receiver({
    ...each,
    streams,
    initialTsn,
    initialSsn,
    partialReliability,
    parameters: {
      receiveBufferBytes: 256 * 1024,
      partialDeliveryPointBytes: each.seed % 2 === 0 ? 500 : 256 * 1024,
      fragmentInterleave: each.fragmentInterleave,
    },
  });
  return { sent, receiver };
}

describe("messages in fragments, out of order and repeated", () => {
  it.each(cases)("are delivered exactly once, in order of their streams: $kind, seed $seed", (each) => {
    const { sent, receiver } = world(each, false);
    const random = seededRandom(each.seed + 1);
    for (const [index, { chunk }] of shuffled(random, sent.chunks, 1 + pick(random, 60)).entries()) {
      receiver.receive(chunk);
      receiver.checkBounds();
      if (index % 10 === 0) receiver.checkFold();
      if (pick(random, 30) === 0) receiver.restore();
      if (pick(random, 60) === 0) receiver.resume();
    }
    receiver.checkFold();
    const got = assemble(receiver, each.fragmentInterleave === 2);
    for (let streamId = 0; streamId < 4; streamId++) {
      expect(orderedOf(got, streamId)).toEqual(orderedOf(sent.messages, streamId));
    }
    expect(unorderedOf(got)).toEqual(unorderedOf(sent.messages));
    const { receive } = receiver.state;
    expect(receive.cumulativeTsn).toBe(sent.chunks.at(-1)?.chunk.tsn);
    expect([receive.above, receive.partial, receive.buffered.size, receive.bufferedBytes]).toEqual([
      [],
      [],
      0,
      0,
    ]);
  });
});

describe("messages that are given up (RFC 3758, RFC 8260)", () => {
  it.each(cases)("leave all others whole and in order: $kind, seed $seed", (each) => {
    const { sent, receiver } = world(each, true);
    const random = seededRandom(each.seed + 2);
    for (const message of sent.messages) message.abandoned = pick(random, 3) === 0;
    let missing = sent.chunks.slice();
    let forwarded = 0;
    for (let round = 0; round < 400; round++) {
      const { receive } = receiver.state;
      const ahead = receive.cumulativeTsn;
      missing = missing.filter(({ chunk }) => ((chunk.tsn - ahead) | 0) > 0);
      if (missing.length === 0) break;
      const inFlight = missing.slice(0, 80);
      for (const { chunk, message } of shuffled(random, inFlight, 20)) {
        // What was given up is lost more often, since nobody sends it again.
        if (pick(random, message.abandoned ? 2 : 4) === 0) continue;
        receiver.receive(chunk);
        receiver.checkBounds();
        if (pick(random, 40) === 0) receiver.restore();
      }
      const forward = forwardTsn(sent, receive.cumulativeTsn, each.interleaving);
      if (forward !== undefined) {
        receiver.receive(forward);
        forwarded += 1;
      }
      receiver.checkFold();
      receiver.checkBounds();
      if (pick(random, 5) === 0) receiver.resume();
    }
    expect(forwarded).toBeGreaterThan(5);
    const { receive } = receiver.state;
    expect(receive.cumulativeTsn).toBe(sent.chunks.at(-1)?.chunk.tsn);
    expect([receive.above, receive.partial, receive.skips, receive.bufferedBytes]).toEqual([[], [], [], 0]);
    const ended = new Set<string>();
    for (const notification of receiver.notifications) {
      if (notification.type === "partial-delivery-aborted") ended.add(nameOf(notification));
    }
    const kept = receiver.deliveries.filter((delivery) => !ended.has(nameOf(delivery)) || delivery.unordered);
    const got = collect(kept);
    const must = sent.messages.filter((message) => !message.abandoned);
    const known = new Map(sent.messages.map((message) => [message.ppid, message]));
    for (const one of got) expect(content(one)).toBe(content(known.get(one.ppid)!));
    const numbers = (streamId: number): number[] =>
      got.filter((one) => !one.unordered && one.streamId === streamId).map((one) => one.ppid);
    for (let streamId = 0; streamId < 4; streamId++) {
      expect(numbers(streamId)).toEqual(numbers(streamId).toSorted((a, b) => a - b));
    }
    const delivered = got.map((one) => one.ppid);
    expect(new Set(delivered).size).toBe(delivered.length);
    expect(must.filter((message) => !delivered.includes(message.ppid))).toEqual([]);
  });
});

/** Messages that came whole; parts without an end are left out. */
function collect(deliveries: readonly Delivery[]): Got[] {
  const open = new Map<string, Delivery[]>();
  const whole: Got[] = [];
  for (const delivery of deliveries) {
    const name = nameOf(delivery);
    const parts = delivery.beginning ? [delivery] : [...(open.get(name) ?? []), delivery];
    open.set(name, parts);
    if (!delivery.ending) continue;
    open.delete(name);
    const { streamId, unordered, ssn, ppid } = delivery;
    whole.push({
      streamId,
      unordered,
      ssn,
      ppid,
      payload: new Uint8Array(Buffer.concat(parts.map((part) => part.payload))),
    });
  }
  return whole;
}
