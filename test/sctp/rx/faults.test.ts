import { describe, expect, it } from "vitest";
import type { RandomSource } from "../../../agents/sctp/index.ts";
import { seededRandom, ssn, tsn } from "../../../agents/sctp/index.ts";
import { AssociationCore } from "../../../agents/sctp/association/core.ts";
import { resetInboundStreams, resetReceiving } from "../../../agents/sctp/association/deliver.ts";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";
import { data, iData, names } from "./chunks.ts";
import { Receiver, settingFor } from "./receiver.ts";
import { pick, sendAtRandom } from "./sender.ts";

const violation = ["ABORT PROTOCOL_VIOLATION"];

describe("faults of the peer in DATA", () => {
  it("I-DATA where DATA was agreed, and the other way round, end the association", () => {
    expect(names(new Receiver().receive(iData(100)))).toEqual(violation);
    expect(names(new Receiver({ interleaving: true }).receive(data(100)))).toEqual(violation);
  });

  it.each([
    ["DATA", false],
    ["I-DATA", true],
  ])("no user data in %s ends it", (_, interleaving) => {
    const receiver = new Receiver({ interleaving });
    const empty = { payload: new Uint8Array(0) };
    const chunk = interleaving ? iData(100, empty) : data(100, empty);
    expect(names(receiver.receive(chunk))).toEqual(["ABORT NO_USER_DATA"]);
  });

  it.each([
    ["DATA", false],
    ["I-DATA", true],
  ])("a stream that does not exist is reported, and the %s acknowledged", (_, interleaving) => {
    const receiver = new Receiver({ interleaving, streams: 2 });
    const chunk = interleaving ? iData(100, { streamId: 2 }) : data(100, { streamId: 2 });
    expect(names(receiver.receive(chunk)).toSorted()).toEqual(["ERROR INVALID_STREAM_IDENTIFIER", "SACK"]);
    expect(receiver.lastSack?.cumulativeTsn).toBe(100);
    // Once: what comes again is a duplicate.
    expect(names(receiver.receive(chunk))).toEqual(["SACK"]);
    expect(receiver.deliveries).toEqual([]);
    receiver.checkFold();
  });
});

describe("faults of the peer in I-DATA", () => {
  const middle = { beginning: false, ending: false } as const;
  it.each<[string, Chunk[]]>([
    ["fragment number 0 without a beginning", [iData(100, { ...middle, fsn: 0 })]],
    [
      "the same fragment number twice",
      [iData(101, { ...middle, fsn: 1 }), iData(102, { ...middle, fsn: 1 })],
    ],
    ["two beginnings", [iData(100, { ending: false }), iData(101, { ending: false })]],
    ["two endings", [iData(101, { beginning: false, fsn: 3 }), iData(102, { beginning: false, fsn: 2 })]],
    [
      "a fragment behind the ending",
      [iData(101, { beginning: false, fsn: 3 }), iData(102, { ...middle, fsn: 4 })],
    ],
    [
      "an ending before a fragment",
      [iData(101, { ...middle, fsn: 4 }), iData(102, { beginning: false, fsn: 3 })],
    ],
    ["a message number that was delivered", [iData(100), iData(101)]],
  ])("%s ends the association", (_, chunks) => {
    const receiver = new Receiver({ interleaving: true });
    expect(names(chunks.flatMap((chunk) => receiver.receive(chunk)))).toContain(violation[0]);
  });

  it("of a message of which parts were delivered: begun again, or a part repeated", () => {
    for (const again of [iData(101, { ending: false }), iData(101, { ...middle, fsn: 0 })]) {
      const receiver = new Receiver({ interleaving: true, parameters: { partialDeliveryPointBytes: 1 } });
      receiver.receive(iData(100, { ending: false }));
      expect(receiver.deliveries).toHaveLength(1);
      expect(names(receiver.receive(again))).toEqual(violation);
    }
  });

  it("ordered and unordered messages have numbers of their own", () => {
    const receiver = new Receiver({ interleaving: true });
    receiver.receive(iData(100), iData(101, { unordered: true }), iData(102, { messageId: 1 }));
    expect(receiver.deliveries).toHaveLength(3);
  });
});

describe("fragment numbers", () => {
  it("wrap within a message, which has no end to its length (RFC 8260 section 2.1)", () => {
    const receiver = new Receiver({ interleaving: true, parameters: { partialDeliveryPointBytes: 1 } });
    receiver.receive(iData(100, { ending: false }));
    const partial = receiver.state.receive.partial[0];
    expect(partial).toBeDefined();
    // As if four thousand million fragments had been delivered.
    partial!.nextFsn = 0xfffffffe;
    receiver.receive(iData(101, { beginning: false, ending: false, fsn: 0xfffffffe }));
    expect(receiver.state.receive.partial[0]?.nextFsn).toBe(0xffffffff);
    receiver.receive(iData(102, { beginning: false, ending: false, fsn: 0xffffffff }));
    expect(receiver.state.receive.partial[0]?.nextFsn).toBe(0);
    const fragment = (at: number, fsn: number, ending: boolean): Chunk =>
      iData(at, { beginning: false, ending, fsn });
    receiver.receive(fragment(105, 2, true), fragment(104, 1, false), fragment(103, 0, false));
    expect(receiver.deliveries.map(({ tsn: first }) => first)).toEqual([100, 101, 102, 103]);
    expect(receiver.deliveries.at(-1)).toMatchObject({ ending: true, beginning: false });
    expect(receiver.state.receive.partial).toEqual([]);
  });
});

describe("resets (RFC 6525)", () => {
  const coreAfter = (...chunks: Chunk[]): AssociationCore => {
    const receiver = new Receiver({ parameters: { partialDeliveryPointBytes: 1000 } });
    receiver.receive(...chunks);
    return new AssociationCore(receiver.state, settingFor());
  };

  it("of streams begin their numbers again, and those of no other", () => {
    const core = coreAfter(data(100), data(101, { streamId: 1 }), data(102, { streamId: 2 }));
    resetInboundStreams(core, [1, 9]);
    expect(core.state.receive.nextSsn).toEqual([1, 0, 1]);
    resetInboundStreams(core, []);
    expect(core.state.receive.nextSsn).toEqual([]);
  });

  it("of the TSN throw away what is not delivered and tell of what was delivered in part", () => {
    const large = { ending: false, payload: new Uint8Array(1400) };
    const core = coreAfter(data(100, large), data(105, { ssn: ssn(4) }));
    resetReceiving(core, tsn(5000));
    expect(core.receivedSequence).toBe(core.state.sequence);
    const { receive } = core.state;
    expect(receive).toMatchObject({
      cumulativeTsn: 5000,
      above: [],
      partial: [],
      nextSsn: [],
      bufferedBytes: 0,
    });
    expect(core.reassembly.streamIds()).toEqual([]);
    expect(core.outputs.take().notifications).toMatchObject([
      { notification: { type: "partial-delivery-aborted", streamId: 0 } },
    ]);
  });
});

/** Anything that can be said about the next few TSNs and streams. */
function hostileChunk(random: RandomSource, receiver: Receiver, interleaving: boolean): Chunk {
  const { cumulativeTsn, nextSsn } = receiver.state.receive;
  const at = cumulativeTsn + [-1, 1, 1, 1, 2, 3, 5, 9, 4096, 4097, 0x80000000][pick(random, 11)]!;
  const streamId = pick(random, 4);
  const number = (nextSsn[streamId] ?? 0) + [-1, 0, 0, 0, 1, 2, 0x8000, 0x80000000][pick(random, 8)]!;
  if (pick(random, 12) === 0) {
    const streams = Array.from({ length: pick(random, 6) }, () => ({
      streamId: pick(random, 5),
      unordered: pick(random, 2) === 0,
      number: number + pick(random, 3),
    }));
    return interleaving
      ? {
          type: "I_FORWARD_TSN",
          newCumulativeTsn: tsn(at),
          streams: streams.map((each) => ({ ...each, messageId: each.number >>> 0 })),
        }
      : {
          type: "FORWARD_TSN",
          newCumulativeTsn: tsn(at),
          streams: streams.map((each) => ({ ...each, ssn: ssn(each.number) })),
        };
  }
  const common = {
    streamId,
    unordered: pick(random, 3) === 0,
    beginning: pick(random, 2) === 0,
    ending: pick(random, 2) === 0,
    payload: new Uint8Array([1, 1, 100, 1400, 20_000][pick(random, 5)]!),
  };
  const fsn = [0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xffffffff][pick(random, 7)]!;
  if (!interleaving) return data(at, { ...common, ssn: ssn(number) });
  return iData(at, { ...common, messageId: number >>> 0, fsn: common.beginning ? 0 : fsn });
}

const modes = [false, true].flatMap((interleaving) =>
  [false, true].flatMap((partialReliability) =>
    Array.from({ length: 6 }, (_, index) => ({ interleaving, partialReliability, seed: 31 * index + 5 })),
  ),
);

function smallReceiver(random: RandomSource, mode: (typeof modes)[number]): Receiver {
  return new Receiver({
    ...mode,
    streams: 4,
    holdsDeliveries: pick(random, 3) === 0,
    parameters: {
      receiveBufferBytes: 16 * 1024,
      partialDeliveryPointBytes: pick(random, 2) === 0 ? 3000 : 16 * 1024,
      fragmentInterleave: ([0, 1, 2] as const)[pick(random, 3)]!,
    },
  });
}

/** Plays chunks until they end or the association does; answers how many were played. */
function play(random: RandomSource, receiver: Receiver, chunks: Iterable<Chunk>): number {
  let played = 0;
  for (const chunk of chunks) {
    if (receiver.state.phase !== "established") break;
    receiver.receive(chunk);
    receiver.checkBounds();
    if (pick(random, 10) === 0) receiver.consumed(pick(random, 3000));
    if (pick(random, 40) === 0) receiver.restore();
    played += 1;
  }
  receiver.checkFold();
  if (receiver.state.phase === "established") receiver.resume();
  receiver.checkBounds();
  return played;
}

describe("whatever chunks a peer sends", () => {
  it.each(modes)("nothing throws and nothing grows: %o", (mode) => {
    const random = seededRandom(mode.seed);
    for (let life = 0; life < 60; life++) {
      const receiver = smallReceiver(random, mode);
      const chunks = function* (): Generator<Chunk> {
        for (let count = 0; count < 100; count++) yield hostileChunk(random, receiver, mode.interleaving);
      };
      play(random, receiver, chunks());
    }
  });

  it.each(modes)("also not when most of it is right: %o", (mode) => {
    const random = seededRandom(mode.seed);
    let played = 0;
    for (let life = 0; life < 8; life++) {
      const receiver = smallReceiver(random, mode);
      const { chunks } = sendAtRandom(random, {
        ...mode,
        messages: 40,
        streams: 4,
        initialTsn: 100,
        initialSsn: 0,
        largestMessageBytes: 12_000,
        fragmentBytes: 500,
      });
      const stream = function* (): Generator<Chunk> {
        for (let at = 0; at < 1000; at++) {
          // Near what is expected next, in any order, now and then a wild one.
          const expected = receiver.state.receive.cumulativeTsn - 99;
          const near = chunks[expected + [0, 0, 0, 1, 2, 5, 20, -1][pick(random, 8)]!]?.chunk;
          yield pick(random, 150) === 0 || near === undefined
            ? hostileChunk(random, receiver, mode.interleaving)
            : near;
        }
      };
      played += play(random, receiver, stream());
    }
    expect(played).toBeGreaterThan(8 * 50);
  });
});
