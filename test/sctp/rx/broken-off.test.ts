import { describe, expect, it } from "vitest";
import type { ProtocolParameters } from "../../../agents/sctp/index.ts";
import { seededRandom, ssn, tsn } from "../../../agents/sctp/index.ts";
import type { Chunk, DataChunk } from "../../../agents/sctp/wire/index.ts";
import { data, iData, names } from "./chunks.ts";
import { Receiver } from "./receiver.ts";
import { pick } from "./sender.ts";

const agreed = { partialReliability: true } as const;
const numbers = (receiver: Receiver): string[] =>
  receiver.deliveries.map(({ streamId, ssn: number }) => `${streamId}:${number}`);
const inHand = (receiver: Receiver): number[] => [...receiver.state.receive.buffered.keys()];

/** Every order of a few things. */
function orders<T>(all: readonly T[]): T[][] {
  if (all.length < 2) return [[...all]];
  return all.flatMap((first, at) => orders(all.toSpliced(at, 1)).map((rest) => [first, ...rest]));
}

const forward = (to: number, streams: readonly (readonly [number, number])[] = []): Chunk => ({
  type: "FORWARD_TSN",
  newCumulativeTsn: tsn(to),
  streams: streams.map(([streamId, number]) => ({ streamId, ssn: ssn(number) })),
});

/** Message 0 of stream 0 gets two TSNs and no end; then come a message of another stream and the next of its own. */
const story = [
  data(100, { ending: false }),
  data(101, { beginning: false, ending: false }),
  data(102, { streamId: 1 }),
  data(103, { ssn: ssn(1) }),
];

describe("a message that the peer leaves without an end (RFC 3758 agreed)", () => {
  it.each(orders(story).map((order) => ({ tsns: order.map((each) => each.tsn).join(" "), order })))(
    "is dropped, and its stream goes on: TSNs in the order $tsns",
    ({ order }) => {
      const receiver = new Receiver(agreed);
      for (const each of order) {
        receiver.receive(each);
        receiver.restore();
        receiver.checkFold();
      }
      expect(numbers(receiver).toSorted()).toEqual(["0:1", "1:0"]);
      expect(inHand(receiver)).toEqual([]);
      expect(receiver.state.receive).toMatchObject({ cumulativeTsn: 103, above: [], bufferedBytes: 0 });
      expect(receiver.state.receive.nextSsn).toEqual([2, 1]);
      expect(receiver.notifications).toEqual([]);
      expect(receiver.state.phase).toBe("established");
    },
  );

  it.each(orders(story).map((order) => ({ tsns: order.map((each) => each.tsn).join(" "), order })))(
    "is dropped by a computer that takes over in between: TSNs in the order $tsns",
    ({ order }) => {
      const receiver = new Receiver(agreed);
      for (const each of order) {
        receiver.receive(each);
        receiver.resume();
      }
      expect(numbers(receiver).toSorted()).toEqual(["0:1", "1:0"]);
      expect(inHand(receiver)).toEqual([]);
    },
  );

  it("waits for its turn, since what is before it in its stream may still come", () => {
    const receiver = new Receiver(agreed);
    const chunks = [data(101, { ssn: ssn(1), ending: false }), data(102, { ssn: ssn(2) })];
    receiver.receive(...chunks);
    expect(numbers(receiver)).toEqual([]);
    receiver.receive(data(100));
    expect(numbers(receiver)).toEqual(["0:0", "0:2"]);
    expect(inHand(receiver)).toEqual([]);
  });

  it("is told to the user where a part was delivered, and what that held back comes", () => {
    for (const fragmentInterleave of [0, 2] as const) {
      const parameters = { partialDeliveryPointBytes: 150, fragmentInterleave };
      const receiver = new Receiver({ ...agreed, parameters });
      const middle = data(101, { beginning: false, ending: false });
      // 104 is in hand before the end of the partial delivery is known.
      receiver.receive(story[0]!, middle, data(104, { streamId: 2 }));
      expect(receiver.state.receive.partial).toHaveLength(1);
      receiver.receive(data(102, { streamId: 1 }), data(103, { ssn: ssn(1) }));
      expect(receiver.notifications).toEqual([
        { type: "partial-delivery-aborted", streamId: 0, ssn: 0, unordered: false },
      ]);
      expect(receiver.state.receive.partial).toEqual([]);
      expect(numbers(receiver).toSorted()).toEqual(["0:0", "0:1", "1:0", "2:0"]);
      expect(receiver.deliveries[0]).toMatchObject({ beginning: true, ending: false });
      receiver.checkFold();
    }
  });

  it("also where the last fragment comes late, behind the next message", () => {
    const receiver = new Receiver({ ...agreed, parameters: { partialDeliveryPointBytes: 50 } });
    receiver.receive(data(100, { ending: false }), data(102, { ssn: ssn(1) }));
    expect(receiver.state.receive.partial).toHaveLength(1);
    receiver.receive(data(101, { beginning: false, ending: false }));
    expect(receiver.notifications).toMatchObject([{ type: "partial-delivery-aborted" }]);
    expect(numbers(receiver).at(-1)).toBe("0:1");
    expect(inHand(receiver)).toEqual([]);
  });

  it.each(orders([0, 1, 2, 3]).map((order) => ({ order })))(
    "that is unordered, too: order $order",
    ({ order }) => {
      const chunks = [
        data(100, { unordered: true, ending: false }),
        data(101, { unordered: true, beginning: false, ending: false }),
        data(102, { unordered: true, ending: false }),
        data(103, { unordered: true, beginning: false }),
      ];
      const receiver = new Receiver(agreed);
      for (const at of order) receiver.receive(chunks[at]!);
      expect(receiver.deliveries.map(({ tsn: at, payload }) => [at, payload.length])).toEqual([[102, 200]]);
      expect(inHand(receiver)).toEqual([]);
      receiver.checkFold();
    },
  );

  it("that is unordered and partly delivered is told, and the next one comes", () => {
    const receiver = new Receiver({ ...agreed, parameters: { partialDeliveryPointBytes: 50 } });
    const unordered = { unordered: true } as const;
    receiver.receive(data(100, { ...unordered, ending: false }), data(101, unordered));
    expect(receiver.notifications).toEqual([
      { type: "partial-delivery-aborted", streamId: 0, ssn: 0, unordered: true },
    ]);
    expect(receiver.deliveries.map(({ tsn: at }) => at)).toEqual([100, 101]);
    expect(receiver.state.receive.partial).toEqual([]);
  });

  it("is no business of FORWARD TSN that comes later, and one that skips its neighbour proves it as well", () => {
    const late = new Receiver(agreed);
    late.receive(...story);
    const { sequence } = late.state;
    expect(late.receive(forward(101, [[0, 0]]))).toMatchObject([{ type: "SACK", cumulativeTsn: 103 }]);
    expect(late.state.sequence).toBe(sequence);
    // TSN 101 was a whole message of stream 1, which is all that the list knows of.
    const skipped = new Receiver(agreed);
    skipped.receive(data(100, { ending: false }), data(102, { ssn: ssn(1) }));
    skipped.receive(forward(101, [[1, 0]]));
    expect(numbers(skipped)).toEqual(["0:1"]);
    expect(inHand(skipped)).toEqual([]);
    skipped.checkFold();
  });

  it("stays a violation where the number is used again, and without RFC 3758", () => {
    const violation = ["ABORT PROTOCOL_VIOLATION"];
    const receiver = new Receiver(agreed);
    receiver.receive(data(100, { ending: false }));
    expect(names(receiver.receive(data(101)))).toEqual(violation);
    for (const order of orders(story)) {
      const strict = new Receiver();
      expect(names(order.flatMap((each) => strict.receive(each)))).toContain(violation[0]);
    }
  });

  it("does not end in an association with I-DATA, where TSNs prove nothing (RFC 8260 section 2.2.3)", () => {
    const receiver = new Receiver({ ...agreed, interleaving: true });
    receiver.receive(iData(100, { ending: false }), iData(101, { messageId: 1 }));
    expect(receiver.deliveries).toEqual([]);
    receiver.receive(iData(102, { beginning: false, fsn: 1 }));
    expect(numbers(receiver)).toEqual(["0:0", "0:1"]);
  });
});

interface BrokenTraffic {
  readonly chunks: readonly DataChunk[];
  /** Names of those that got all of their TSNs. */
  readonly whole: ReadonlySet<number>;
}

/** What such a peer sends: every third message of several fragments loses its end, the last one never. `ppid` names the message. */
function traffic(random: ReturnType<typeof seededRandom>): BrokenTraffic {
  const next = [0xfffe, 0xfffe, 0xfffe];
  const chunks: DataChunk[] = [];
  const whole = new Set<number>();
  const last = 149;
  for (let ppid = 0; ppid <= last; ppid++) {
    const streamId = pick(random, 3);
    const unordered = pick(random, 4) === 0;
    const fragments = 1 + (pick(random, 2) === 0 ? pick(random, 6) : 0);
    const given =
      fragments > 1 && ppid < last && pick(random, 3) === 0 ? 1 + pick(random, fragments - 1) : fragments;
    if (given === fragments) whole.add(ppid);
    const number = ssn(unordered ? 0 : next[streamId]!++ & 0xffff);
    for (let index = 0; index < given; index++) {
      chunks.push(
        data(0xffffff80 + chunks.length, {
          tsn: tsn((0xffffff80 + chunks.length) >>> 0),
          ...{ streamId, unordered, ssn: number, ppid },
          ...{ beginning: index === 0, ending: index === fragments - 1 },
          payload: new Uint8Array(200).fill(ppid),
        }),
      );
    }
  }
  return { chunks, whole };
}

const runs = [0, 1, 2].flatMap((fragmentInterleave) =>
  [300, 256 * 1024].flatMap((partialDeliveryPointBytes) =>
    [1, 2, 3, 4, 5].map((seed) => ({
      seed,
      parameters: { partialDeliveryPointBytes, fragmentInterleave } as Partial<ProtocolParameters>,
    })),
  ),
);

describe("many messages without an end, out of order and repeated", () => {
  it.each(runs)("leave nothing behind and all others whole: $seed, $parameters", ({ seed, parameters }) => {
    const random = seededRandom(seed);
    const { chunks, whole } = traffic(random);
    const initial = { initialTsn: 0xffffff80, initialSsn: 0xfffe, streams: 3 };
    const receiver = new Receiver({
      ...agreed,
      ...initial,
      parameters: { receiveBufferBytes: 256 * 1024, ...parameters },
    });
    const window = 1 + pick(random, 50);
    const shuffled = chunks
      .flatMap((chunk, at) =>
        Array.from({ length: 1 + Number(pick(random, 8) === 0) }, () => ({ chunk, at })),
      )
      .map(({ chunk, at }) => ({ chunk, at: at + pick(random, window) }))
      .toSorted((a, b) => a.at - b.at);
    for (const { chunk } of shuffled) {
      receiver.receive(chunk);
      receiver.checkBounds();
      if (pick(random, 30) === 0) receiver.restore();
      if (pick(random, 60) === 0) receiver.resume();
      if (pick(random, 20) === 0) receiver.checkFold();
    }
    receiver.checkFold();
    const { receive, phase } = receiver.state;
    expect(phase).toBe("established");
    expect(receive.cumulativeTsn).toBe(chunks.at(-1)?.tsn);
    expect([receive.above, receive.partial, receive.buffered.size, receive.bufferedBytes]).toEqual([
      [],
      [],
      0,
      0,
    ]);
    const bytes = new Map<number, number>();
    for (const { ppid, payload } of receiver.deliveries)
      bytes.set(ppid, (bytes.get(ppid) ?? 0) + payload.length);
    const ended = receiver.deliveries.filter(({ ending }) => ending).map(({ ppid }) => ppid);
    expect(ended.toSorted((a, b) => a - b)).toEqual([...whole]);
    for (const ppid of whole) {
      expect(bytes.get(ppid)).toBe(200 * chunks.filter((chunk) => chunk.ppid === ppid).length);
    }
    const begun = receiver.deliveries.filter(({ beginning }) => beginning).length;
    const told = receiver.notifications.filter(({ type }) => type === "partial-delivery-aborted").length;
    expect(told).toBe(begun - whole.size);
    for (let streamId = 0; streamId < 3; streamId++) {
      const inOrder = receiver.deliveries
        .filter((each) => each.streamId === streamId && !each.unordered)
        .map(({ ppid }) => ppid);
      expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
    }
  });
});
