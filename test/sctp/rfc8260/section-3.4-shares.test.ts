import { describe, expect, it } from "vitest";
import { sack } from "../rfc9260/sketches.ts";
import { begin, full, half, streamsOf, times } from "./plan.ts";

describe("3.4 priorities", () => {
  const scheduler = "priority";

  it("the smallest value goes first; 0, which is what no value means, is the most urgent", () => {
    const messages = [
      [1, 2 * full],
      [2, 2 * full],
      [3, full],
    ] as const;
    expect(streamsOf({ scheduler, messages, values: { 1: 8, 2: 3 } })).toEqual([3, 2, 2, 1, 1]);
  });

  it("a message of higher priority does not wait for a large one where messages interleave", () => {
    const plan = {
      scheduler,
      messages: [[1, 8 * full]],
      later: [[2, 2 * full]],
      values: { 1: 5, 2: 1 },
    } as const;
    expect(streamsOf(plan)).toEqual([1, 1, 1, 1, 2, 2, 1, 1, 1, 1]);
  });

  it("with DATA it does", () => {
    const plan = {
      scheduler,
      messages: [
        [1, 6 * 984],
        [1, 984],
      ],
      later: [[2, 984]],
      values: { 1: 5, 2: 1 },
      withData: true,
    } as const;
    expect(streamsOf(plan)).toEqual([...times(6, 1), 2, 1]);
  });

  it("equals have their turns", () => {
    const messages = [
      [1, 2 * full],
      [2, 2 * full],
      [3, full],
    ] as const;
    expect(streamsOf({ scheduler, messages, values: { 1: 4, 2: 4, 3: 9 } })).toEqual([1, 2, 1, 2, 3]);
  });

  it("a message of lower priority does not hold up, nor is it forgotten", () => {
    const plan = {
      scheduler,
      messages: [[2, 5 * full]],
      later: [[1, full]],
      values: { 1: 9, 2: 1 },
    } as const;
    expect(streamsOf(plan)).toEqual([2, 2, 2, 2, 2, 1]);
  });
});

describe("3.5 fair capacity", () => {
  const scheduler = "fair-bandwidth";

  it("equal bytes for all streams, whatever the size of their messages", () => {
    const messages = [...times(8, [1, full] as const), ...times(16, [2, half] as const)];
    const served = streamsOf({ scheduler, messages }).slice(0, 15);
    const bytes = (streamId: number): number =>
      served.filter((each) => each === streamId).length * (streamId === 1 ? full : half);
    expect(Math.abs(bytes(1) - bytes(2))).toBeLessThanOrEqual(full);
  });

  it("without interleaving it is fair over whole messages", () => {
    const messages = [...times(2, [1, 4 * 984] as const), ...times(8, [2, 984] as const)];
    const streams = streamsOf({ scheduler, messages, withData: true });
    expect(streams).toEqual([...times(4, 1), ...times(4, 2), ...times(4, 1), ...times(4, 2)]);
  });

  it("a stream that was silent is not owed anything for that", () => {
    const plan = {
      scheduler,
      messages: [
        [1, 10 * full],
        [2, 10 * full],
      ],
      later: [[3, 4 * full]],
    } as const;
    const streams = streamsOf(plan);
    expect(streams.slice(4, 13)).toEqual(expect.arrayContaining([1, 2, 3]));
    for (const streamId of [1, 2, 3])
      expect(streams.slice(4, 13).filter((each) => each === streamId)).toHaveLength(3);
  });
});

describe("3.6 weighted fair queueing", () => {
  const scheduler = "weighted-fair-queueing";

  it.each([
    [1, 1, 12, 12],
    [1, 2, 8, 16],
    [1, 3, 6, 18],
    [2, 6, 6, 18],
    [5, 1, 20, 4],
  ])("weights %i and %i share 24 chunks as %i and %i", (one, two, ofOne, ofTwo) => {
    const messages = [
      [1, 40 * full],
      [2, 40 * full],
    ] as const;
    const served = streamsOf({ scheduler, messages, values: { 1: one, 2: two } }).slice(0, 24);
    expect(served.filter((each) => each === 1)).toHaveLength(ofOne);
    expect(served.filter((each) => each === 2)).toHaveLength(ofTwo);
  });

  it("three streams, and messages of different sizes", () => {
    const messages = [
      ...times(30, [1, full] as const),
      ...times(60, [2, half] as const),
      ...times(30, [3, full] as const),
    ];
    const served = streamsOf({ scheduler, messages, values: { 1: 1, 2: 2, 3: 3 } }).slice(0, 40);
    const share = (streamId: number): number =>
      (served.filter((each) => each === streamId).length * (streamId === 2 ? half : full)) / streamId;
    for (const streamId of [2, 3]) expect(Math.abs(share(streamId) - share(1))).toBeLessThanOrEqual(full);
  });

  it("a stream without a weight counts as one with 1", () => {
    const messages = [
      [1, 20 * full],
      [2, 20 * full],
    ] as const;
    const served = streamsOf({ scheduler, messages, values: { 2: 4 } }).slice(0, 20);
    expect(served.filter((each) => each === 2)).toHaveLength(16);
  });

  it("with DATA by whole messages", () => {
    const messages = [...times(10, [1, 2 * 984] as const), ...times(10, [2, 2 * 984] as const)];
    const served = streamsOf({ scheduler, messages, values: { 1: 1, 2: 3 }, withData: true }).slice(0, 16);
    expect(served.filter((each) => each === 2)).toHaveLength(12);
    for (let at = 0; at < 16; at += 2) expect(served[at]).toBe(served[at + 1]);
  });
});

describe("3 changing the scheduler", () => {
  it("counts for what gets its TSN from then on", () => {
    const { peer, user } = begin({ scheduler: "first-come-first-served", messages: [] });
    user.sends({ size: 6 * full, streamId: 0 }, { size: 4 * full, streamId: 1 });
    const streams = (): unknown[] =>
      peer.skips().flatMap(({ chunks }) => chunks.map(({ streamId }) => streamId));
    expect(streams()).toEqual([0, 0, 0, 0]);
    peer.endpoint.configureAssociation(peer.handle, { scheduler: "round-robin" }, peer.nowMs);
    peer.sends(sack(4));
    expect(streams()).toEqual([1, 0, 1, 0, 1]);
    peer.endpoint.configureAssociation(
      peer.handle,
      { scheduler: "priority", streamValues: [[1, 3]] },
      peer.nowMs,
    );
    peer.sends(sack(9));
    expect(streams()).toEqual([1]);
  });
});
