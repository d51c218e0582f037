import { describe, expect, it } from "vitest";
import { begin, full, half, orderOf, packetsOf, streamsOf, times } from "./plan.ts";

/** Figures 1 and 2 of section 1.1: three streams, large messages on 0 and 2, three small ones on 1. */
const figure = [
  [0, 3 * 980],
  [1, full],
  [2, 3 * 980],
  [1, full],
  [1, full],
] as const;

describe("1.1 the figures", () => {
  it("figure 2: round robin with interleaving", () => {
    expect(orderOf({ scheduler: "round-robin", messages: figure })).toEqual([
      ...["0/0/0", "1/0/0", "2/0/0"],
      ...["0/0/1", "1/1/0", "2/0/1"],
      ...["0/0/2", "1/2/0", "2/0/2"],
    ]);
  });

  it("figure 1: round robin with DATA", () => {
    const messages = figure.map(([streamId, size]) => [streamId, size === full ? 984 : 3 * 984] as const);
    expect(orderOf({ scheduler: "round-robin", messages, withData: true })).toEqual([
      ...["0/0", "0/0", "0/0"],
      "1/0",
      ...["2/0", "2/0", "2/0"],
      ...["1/1", "1/2"],
    ]);
  });
});

describe("3.1 first come, first served", () => {
  it("the order of the calls, interleaving or not", () => {
    const messages = [
      [3, full],
      [1, 2 * full],
      [3, full],
      [2, full],
      [1, full],
    ] as const;
    expect(orderOf({ scheduler: "first-come-first-served", messages })).toEqual([
      ...["3/0/0", "1/0/0", "1/0/1", "3/1/0", "2/0/0", "1/1/0"],
    ]);
    expect(streamsOf({ scheduler: "first-come-first-served", messages, withData: true })).toEqual([
      ...[3, 1, 1, 3, 2, 1],
    ]);
  });

  it("also of ordered and unordered messages of a stream", () => {
    const messages = [
      [1, half],
      [1, half, "u"],
      [1, half],
    ] as const;
    expect(orderOf({ scheduler: "first-come-first-served", messages })).toEqual(["1/0/0", "1u/0/0", "1/1/0"]);
  });

  it("a message that comes later comes later", () => {
    const plan = {
      scheduler: "first-come-first-served",
      messages: [[0, 8 * full]],
      later: [[1, full]],
    } as const;
    expect(streamsOf(plan)).toEqual([...times(8, 0), 1]);
  });

  it("small messages of several streams share packets", () => {
    const messages = [
      [0, half],
      [1, half],
      [0, half],
      [2, half],
    ] as const;
    expect(packetsOf({ scheduler: "first-come-first-served", messages })).toEqual([
      ["0/0/0", "1/0/0"],
      ["0/1/0", "2/0/0"],
    ]);
  });
});

describe("3.2 round robin", () => {
  it("a chunk of each stream in turn where messages interleave", () => {
    const messages = [
      [0, 3 * full],
      [1, full],
      [2, 2 * full],
    ] as const;
    expect(streamsOf({ scheduler: "round-robin", messages })).toEqual([0, 1, 2, 0, 2, 0]);
  });

  it("a message of each stream in turn where they do not", () => {
    const messages = [
      [0, 2 * 984],
      [0, 984],
      [1, 984],
      [1, 984],
      [2, 984],
    ] as const;
    expect(orderOf({ scheduler: "round-robin", messages, withData: true })).toEqual([
      ...["0/0", "0/0", "1/0", "2/0", "0/1", "1/1"],
    ]);
  });

  it("a stream that becomes busy has its turn behind the one that was served last", () => {
    const plan = { scheduler: "round-robin", messages: [[5, 8 * full]], later: [[1, 3 * full]] } as const;
    expect(streamsOf(plan)).toEqual([5, 5, 5, 5, 1, 5, 1, 5, 1, 5, 5]);
  });

  it("the same with DATA: what has begun is finished", () => {
    const plan = {
      scheduler: "round-robin",
      messages: [
        [5, 6 * 984],
        [5, 984],
      ],
      later: [
        [1, 984],
        [1, 984],
      ],
      withData: true,
    } as const;
    expect(streamsOf(plan)).toEqual([...times(6, 5), 1, 5, 1]);
  });

  it("a stream that runs empty gives its turn to the next one", () => {
    const messages = [
      [1, full],
      [2, 2 * full],
      [3, full],
      [4, 2 * full],
    ] as const;
    expect(streamsOf({ scheduler: "round-robin", messages })).toEqual([1, 2, 3, 4, 2, 4]);
  });

  it("small messages of several streams share packets", () => {
    const messages = [
      [0, half],
      [0, half],
      [1, half],
      [1, half],
    ] as const;
    expect(packetsOf({ scheduler: "round-robin", messages })).toEqual([
      ["0/0/0", "1/0/0"],
      ["0/1/0", "1/1/0"],
    ]);
  });
});

describe("3.3 round robin per packet", () => {
  const scheduler = "round-robin-per-packet";

  it("only chunks of one stream share a packet, and each packet is of another stream", () => {
    const messages = [...times(4, [0, half] as const), ...times(4, [1, half] as const)];
    expect(packetsOf({ scheduler, messages })).toEqual([
      ["0/0/0", "0/1/0"],
      ["1/0/0", "1/1/0"],
      ["0/2/0", "0/3/0"],
      ["1/2/0", "1/3/0"],
    ]);
  });

  it("also where a packet is not full", () => {
    const messages = [
      [0, 10],
      [1, 10],
      [2, 10],
      [1, 10],
    ] as const;
    expect(packetsOf({ scheduler, messages })).toEqual([["0/0/0"], ["1/0/0", "1/1/0"], ["2/0/0"]]);
  });

  it("full fragments change the stream with each packet", () => {
    const messages = [
      [0, 3 * full],
      [1, 2 * full],
    ] as const;
    expect(streamsOf({ scheduler, messages })).toEqual([0, 1, 0, 1, 0]);
  });

  it("what does not fit opens a packet of the next stream", () => {
    const messages = [
      [0, 600],
      [0, 600],
      [1, 300],
      [1, 300],
    ] as const;
    expect(packetsOf({ scheduler, messages })).toEqual([["0/0/0"], ["1/0/0", "1/1/0"], ["0/1/0"]]);
  });

  it("with DATA a message is finished, and still no two streams share a packet", () => {
    const messages = [
      [0, 2 * 984 + 10],
      [1, 10],
      [0, 10],
    ] as const;
    expect(packetsOf({ scheduler, messages, withData: true })).toEqual([
      ["0/0"],
      ["0/0"],
      ["0/0", "0/1"],
      ["1/0"],
    ]);
  });

  it("retransmissions keep streams apart, too", () => {
    const script = begin({ scheduler, messages: [] });
    const { peer, user } = script;
    user.sends({ size: 10, streamId: 0 }, { size: 10, streamId: 1 }, { size: 10, streamId: 1 });
    expect(peer.skips()).toHaveLength(2);
    peer.skips(1000).forEach(({ chunks }) => {
      expect(new Set(chunks.map(({ streamId }) => streamId)).size).toBe(1);
    });
  });

  it("other schedulers do bundle them", () => {
    const messages = [
      [0, 10],
      [1, 10],
    ] as const;
    for (const other of ["first-come-first-served", "round-robin", "priority", "fair-bandwidth"] as const)
      expect(packetsOf({ scheduler: other, messages })).toEqual([["0/0/0", "1/0/0"]]);
  });
});
