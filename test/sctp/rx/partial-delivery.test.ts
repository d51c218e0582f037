import { describe, expect, it } from "vitest";
import { ssn, tsn } from "../../../agents/sctp/index.ts";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";
import { data, iData, names } from "./chunks.ts";
import { Receiver } from "./receiver.ts";

const first = 100;
const small = { receiveBufferBytes: 256 * 1024, partialDeliveryPointBytes: 64 * 1024 };

/** Fragment number `index` of the message that starts with TSN 100. */
const fragment = (index: number, last: number, fields: object = {}): Chunk =>
  data(first + index, {
    beginning: index === 0,
    ending: index === last,
    payload: new Uint8Array(1400).fill(index),
    ...fields,
  });

const bytesOf = (receiver: Receiver): number =>
  receiver.deliveries.reduce((sum, delivery) => sum + delivery.payload.length, 0);

describe("a message larger than the receive buffer", () => {
  const last = 749;

  it("passes in parts, in order, and the window never closes", () => {
    const receiver = new Receiver({ parameters: { ...small, fragmentInterleave: 0 } });
    for (let index = 0; index <= last; index++) receiver.receive(fragment(index, last));
    const { deliveries } = receiver;
    expect(bytesOf(receiver)).toBe(750 * 1400);
    expect(deliveries.map(({ beginning }) => beginning)).toEqual(deliveries.map((_, at) => at === 0));
    expect(deliveries.map(({ ending }) => ending)).toEqual(
      deliveries.map((_, at) => at === deliveries.length - 1),
    );
    const whole = Buffer.concat(deliveries.map(({ payload }) => payload));
    for (let index = 0; index <= last; index++) expect(whole[index * 1400]).toBe(index & 0xff);
    const windows = receiver.sent.flatMap((chunk) => (chunk.type === "SACK" ? [chunk.advertisedWindow] : []));
    expect(Math.min(...windows)).toBeGreaterThan(128 * 1024);
    receiver.checkFold();
  });

  it("passes as I-DATA too, with another stream's messages in between", () => {
    const receiver = new Receiver({ interleaving: true, parameters: { ...small, fragmentInterleave: 2 } });
    let at = first;
    for (let index = 0; index <= last; index++) {
      const beginning = index === 0;
      const payload = new Uint8Array(1400).fill(index);
      receiver.receive(
        iData(at++, { beginning, ending: index === last, fsn: index, payload, ppid: beginning ? 9 : 0 }),
      );
      if (index % 100 === 0) receiver.receive(iData(at++, { streamId: 1, messageId: index / 100 }));
    }
    const large = receiver.deliveries.filter(({ streamId }) => streamId === 0);
    expect(Buffer.concat(large.map(({ payload }) => payload))).toHaveLength(750 * 1400);
    expect(new Set(large.map(({ ppid }) => ppid))).toEqual(new Set([9]));
    const others = receiver.deliveries.filter(({ streamId }) => streamId === 1);
    expect(others.map((each) => each.ssn)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    // They did not wait for the end of the large one.
    expect(receiver.deliveries.findIndex(({ streamId }) => streamId === 1)).toBeLessThan(3);
  });

  it("passes in parts also where messages are wanted whole, once it has filled the buffer", () => {
    const parameters = { receiveBufferBytes: 64 * 1024, partialDeliveryPointBytes: 64 * 1024 };
    const receiver = new Receiver({ parameters });
    const answers: Chunk[] = [];
    for (let index = 0; index <= last; index++) {
      answers.push(...receiver.receive(fragment(index, last)));
      receiver.checkBounds();
    }
    expect(names(answers)).not.toContain("ABORT OUT_OF_RESOURCE");
    expect(bytesOf(receiver)).toBe(750 * 1400);
    expect(receiver.deliveries[0]?.payload.length).toBeGreaterThan(64 * 1024 - 46 * 64);
  });

  it("passes whole where only its last fragment does not fit any more", () => {
    const parameters = { receiveBufferBytes: 16 * 1024, partialDeliveryPointBytes: 16 * 1024 };
    const receiver = new Receiver({ parameters });
    for (let index = 0; index <= 12; index++) receiver.receive(fragment(index, 12));
    expect(receiver.deliveries.map(({ payload }) => payload.length)).toEqual([13 * 1400]);
  });

  it("is handed on below the point too when the buffer has no room for the rest", () => {
    const parameters = { receiveBufferBytes: 16 * 1024, partialDeliveryPointBytes: 16 * 1024 - 1 };
    const receiver = new Receiver({ parameters });
    // Small fragments fill the buffer by what they cost beside their payloads.
    const payload = new Uint8Array(50);
    for (let index = 0; index <= 300; index++) receiver.receive(fragment(index, 300, { payload }));
    expect(bytesOf(receiver)).toBe(301 * 50);
    expect(receiver.deliveries.length).toBeGreaterThan(1);
  });
});

describe("while a message is being delivered in parts", () => {
  const begin = (fragmentInterleave: 0 | 1 | 2): Receiver => {
    const parameters = { partialDeliveryPointBytes: 1000, fragmentInterleave };
    const receiver = new Receiver({ partialReliability: true, parameters });
    receiver.receive(fragment(0, 2));
    expect(receiver.deliveries).toHaveLength(1);
    return receiver;
  };
  const others = [
    data(103, { streamId: 1 }),
    data(104, { streamId: 2, unordered: true }),
    data(105, { streamId: 1, ssn: ssn(1) }),
  ];

  it.each([0, 1] as const)("others wait at interleave level %i", (level) => {
    const receiver = begin(level);
    receiver.receive(...others);
    expect(receiver.deliveries).toHaveLength(1);
    receiver.restore();
    receiver.receive(fragment(1, 2));
    receiver.receive(fragment(2, 2));
    const order = receiver.deliveries.map(({ streamId, ssn: number }) => `${streamId}:${number}`);
    expect(order.slice(0, 3)).toEqual(["0:0", "0:0", "0:0"]);
    expect(order.slice(3).toSorted()).toEqual(["1:0", "1:1", "2:0"]);
    receiver.checkFold();
  });

  it("others do not wait at level 2", () => {
    const receiver = begin(2);
    receiver.receive(...others);
    expect(receiver.deliveries.map(({ streamId }) => streamId)).toEqual([0, 1, 2, 1]);
  });

  it("another instance goes on where the first one was", () => {
    const receiver = begin(0);
    receiver.resume();
    receiver.receive(fragment(1, 2));
    receiver.receive(fragment(2, 2));
    expect(receiver.deliveries.map(({ beginning, ending }) => [beginning, ending])).toEqual([
      [true, false],
      [false, false],
      [false, true],
    ]);
  });

  it("the peer may give it up: the user is told, and what waited is delivered", () => {
    const receiver = begin(0);
    receiver.receive(...others);
    receiver.receive({
      type: "FORWARD_TSN",
      newCumulativeTsn: tsn(102),
      streams: [{ streamId: 0, ssn: ssn(0) }],
    });
    expect(receiver.notifications).toContainEqual({
      type: "partial-delivery-aborted",
      streamId: 0,
      ssn: 0,
      unordered: false,
    });
    expect(receiver.deliveries).toHaveLength(4);
    receiver.receive(data(106, { ssn: ssn(1) }));
    expect(receiver.deliveries.at(-1)).toMatchObject({ streamId: 0, ssn: 1, beginning: true, ending: true });
    receiver.checkFold();
  });

  it("what a skip sets free waits for its end, and is delivered then", () => {
    const parameters = { partialDeliveryPointBytes: 1000, fragmentInterleave: 0 } as const;
    const receiver = new Receiver({ partialReliability: true, parameters });
    const part = (tsnOf: number, ending: boolean): Chunk =>
      data(tsnOf, { beginning: tsnOf === 103, ending, payload: new Uint8Array(1400) });
    // Of stream 1, message 0 is lost, 1 comes, 2 is lost, 3 comes.
    const numbered = (tsnOf: number, number: number): Chunk => data(tsnOf, { streamId: 1, ssn: ssn(number) });
    receiver.receive(part(103, false), numbered(101, 1), numbered(106, 3));
    const streams = [{ streamId: 1, ssn: ssn(2) }];
    receiver.receive({ type: "FORWARD_TSN", newCumulativeTsn: tsn(102), streams });
    expect(receiver.deliveries).toHaveLength(1);
    expect(receiver.state.receive.skips).toEqual([{ streamId: 1, ssn: 2 }]);
    receiver.checkFold();
    receiver.restore();
    receiver.receive(part(104, false), part(105, true));
    const order = receiver.deliveries.map(({ streamId, ssn: number }) => `${streamId}:${number}`);
    expect(order).toEqual(["0:0", "0:0", "0:0", "1:1", "1:3"]);
    expect(receiver.state.receive.skips).toEqual([]);
    receiver.checkFold();
  });
});
