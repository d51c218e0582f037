import { describe, expect, it } from "vitest";
import { ssn, tsn } from "../../../agents/sctp/index.ts";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";
import { data, iData, names } from "./chunks.ts";
import { Receiver } from "./receiver.ts";

const forward = (to: number, streams: readonly (readonly [number, number])[] = []): Chunk => ({
  type: "FORWARD_TSN",
  newCumulativeTsn: tsn(to),
  streams: streams.map(([streamId, number]) => ({ streamId, ssn: ssn(number) })),
});

const iForward = (to: number, streams: readonly (readonly [number, boolean, number])[]): Chunk => ({
  type: "I_FORWARD_TSN",
  newCumulativeTsn: tsn(to),
  streams: streams.map(([streamId, unordered, messageId]) => ({ streamId, unordered, messageId })),
});

const agreed = { partialReliability: true } as const;
const numbers = (receiver: Receiver): number[] => receiver.deliveries.map((delivery) => delivery.ssn);

describe("FORWARD TSN (RFC 3758 section 3.6)", () => {
  it("moves the cumulative TSN, and further over what was received, as in the example", () => {
    const receiver = new Receiver({ ...agreed, initialTsn: 103 });
    for (const each of [104, 105, 107]) receiver.receive(data(each, { ssn: ssn(each - 103) }));
    const answers = receiver.receive(forward(103, [[0, 0]]));
    expect(answers).toMatchObject([{ type: "SACK", cumulativeTsn: 105, gaps: [{ start: 2, end: 2 }] }]);
    expect(numbers(receiver)).toEqual([1, 2]);
    receiver.checkFold();
  });

  it("sets free what is not beyond the listed number, though numbers before it are missing", () => {
    const receiver = new Receiver({ ...agreed });
    receiver.receive(data(101, { ssn: ssn(1) }), data(103, { ssn: ssn(3) }), data(105, { ssn: ssn(5) }));
    receiver.receive(forward(102, [[0, 2]]));
    expect(numbers(receiver)).toEqual([1, 3]);
    receiver.receive(forward(104, [[0, 4]]));
    expect(numbers(receiver)).toEqual([1, 3, 5]);
    expect(receiver.state.receive.nextSsn).toEqual([6]);
  });

  it("throws fragments away whose messages lack a TSN that is skipped, and keeps the others", () => {
    const receiver = new Receiver({ ...agreed });
    // 100 to 102 is one message, of which 101 is missing; 103 and 104 begin one that goes on.
    receiver.receive(data(100, { ending: false, unordered: true }));
    receiver.receive(data(102, { beginning: false, unordered: true }));
    receiver.receive(data(103, { ending: false }), data(104, { beginning: false, ending: false }));
    receiver.receive(forward(101));
    expect([...receiver.state.receive.buffered.keys()]).toEqual([103, 104]);
    receiver.receive(data(105, { beginning: false }));
    expect(receiver.deliveries.map(({ payload }) => payload.length)).toEqual([300]);
    receiver.checkFold();
  });

  it("that is old is answered by a SACK at once and changes nothing", () => {
    const receiver = new Receiver({ ...agreed });
    receiver.receive(data(100), data(101, { ssn: ssn(1) }));
    receiver.wait(200);
    const { sequence } = receiver.state;
    expect(receiver.receive(forward(100, [[0, 60]]))).toMatchObject([{ type: "SACK", cumulativeTsn: 101 }]);
    expect(receiver.state.sequence).toBe(sequence);
  });

  it("that comes alone is answered by a SACK at once, and late data that it skipped is a duplicate", () => {
    const receiver = new Receiver({ ...agreed });
    receiver.receive(data(100));
    expect(receiver.receive(forward(101, [[0, 1]]))).toMatchObject([{ type: "SACK", cumulativeTsn: 101 }]);
    expect(receiver.receive(data(101, { ssn: ssn(1) }))).toMatchObject([{ type: "SACK", duplicates: [101] }]);
    expect(receiver.deliveries).toHaveLength(1);
  });

  it("beyond anything that may be under way ends the association", () => {
    const receiver = new Receiver({ ...agreed });
    expect(names(receiver.receive(forward(100 + 600_000)))).toEqual(["ABORT PROTOCOL_VIOLATION"]);
  });

  it("with streams that do not exist, or listed in any order, does no harm", () => {
    const receiver = new Receiver({ ...agreed, streams: 2 });
    receiver.receive(
      forward(100, [
        [1, 5],
        [9, 3],
        [1, 2],
        [0, 40_000],
      ]),
    );
    expect(receiver.state.receive.nextSsn).toEqual([undefined, 6]);
    expect(receiver.state.phase).toBe("established");
  });

  it("where it was not agreed is an unknown chunk: reported, and the rest of the packet is processed", () => {
    const receiver = new Receiver();
    const answers = receiver.receive(forward(100, [[0, 0]]), data(100));
    expect(names(answers)).toContain("ERROR UNRECOGNIZED_CHUNK_TYPE");
    expect(receiver.deliveries).toHaveLength(1);
  });
});

describe("I-FORWARD-TSN (RFC 8260 section 2.3.1)", () => {
  const both = { ...agreed, interleaving: true } as const;

  it("skips ordered and unordered messages by MID, also fragments that come late", () => {
    const receiver = new Receiver(both);
    const part = { unordered: true, ending: false } as const;
    receiver.receive(iData(101, part), iData(103, { streamId: 1, messageId: 1 }));
    receiver.receive(iForward(100, [[1, false, 0]]));
    expect(numbers(receiver)).toEqual([1]);
    receiver.receive(iForward(102, [[0, true, 0]]));
    expect(receiver.state.receive.buffered.size).toBe(0);
    receiver.receive(iData(104, { unordered: true, beginning: false, fsn: 2 }));
    expect(receiver.state.receive.buffered.size).toBe(0);
    receiver.receive(iData(105, { unordered: true, messageId: 1 }));
    expect(numbers(receiver)).toEqual([1, 1]);
    receiver.checkFold();
  });

  it.each([
    ["FORWARD TSN", both, forward(100)],
    ["I-FORWARD-TSN", agreed, iForward(100, [])],
  ] as const)("in place of the other: %s is a violation", (_, options, chunk) => {
    expect(names(new Receiver(options).receive(chunk))).toEqual(["ABORT PROTOCOL_VIOLATION"]);
  });
});
