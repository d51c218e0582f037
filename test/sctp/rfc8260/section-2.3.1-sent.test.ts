import { describe, expect, it } from "vitest";
import type { Reliability } from "../../../agents/sctp/index.ts";
import { start } from "../rfc9260/kit.ts";
import type { Sketch } from "../rfc9260/sketches.ts";
import { cookieEcho, sack } from "../rfc9260/sketches.ts";
import {
  FULL,
  first,
  iData,
  iDataType,
  iForward,
  interleaved,
  interleaving,
  last,
  middle,
  supports,
} from "./kit.ts";

const rtx = (maxRetransmits: number): Reliability => ({ policy: "limited-retransmissions", maxRetransmits });
const ttl = (lifetimeMs: number): Reliability => ({ policy: "timed", lifetimeMs });
const prio = (priority: number): Reliability => ({ policy: "priority", priority });

const once = { size: 100, reliability: rtx(0) };

describe("2.3.1 what is sent for messages that were given up", () => {
  it("on the wire: type 194, flags 0, TSN, and an entry of eight bytes", () => {
    const { peer, user } = interleaved();
    user.sends({ ...once, streamId: 7, unordered: true });
    peer.skips();
    const { bytes } = peer.next(1000)!;
    const view = new DataView(bytes.buffer, bytes.byteOffset + 12, bytes.length - 12);
    expect(view.byteLength).toBe(16);
    expect(view.getUint32(0)).toBe(194 * 2 ** 24 + 16);
    expect(view.getUint32(4)).toBe(peer.theirInitialTsn);
    expect(view.getUint16(8)).toBe(7);
    expect(view.getUint16(10)).toBe(1);
    expect(view.getUint32(12)).toBe(0);
  });

  it("the U bit is 0 in the entry of an ordered message", () => {
    const { peer, user } = interleaved();
    user.sends({ ...once, streamId: 7 });
    peer.skips();
    const { bytes } = peer.next(1000)!;
    expect([...bytes.subarray(12 + 8)]).toEqual([0, 7, 0, 0, 0, 0, 0, 0]);
  });

  /** Messages, all lost and given up at the first time-out of 1 s, and the list that is sent then. */
  const cases: readonly (readonly [string, readonly object[], Sketch])[] = [
    ["one ordered message", [once], iForward(1, [0, 0])],
    ["one unordered message", [{ ...once, unordered: true }], iForward(1, [0, 0, "U"])],
    ["two of one stream: the highest MID", [once, once], iForward(2, [0, 1])],
    [
      "two unordered ones of one stream: the highest MID",
      [
        { ...once, unordered: true },
        { ...once, unordered: true },
      ],
      iForward(2, [0, 1, "U"]),
    ],
    [
      "ordered and unordered of one stream: an entry each",
      [once, { ...once, unordered: true }, once],
      iForward(3, [0, 1], [0, 0, "U"]),
    ],
    [
      "streams, in the order of their first TSN",
      [
        { ...once, streamId: 3 },
        { ...once, streamId: 1 },
        { ...once, streamId: 3 },
        { ...once, streamId: 2 },
      ],
      iForward(4, [3, 1], [1, 0], [2, 0]),
    ],
    ["a message of three fragments", [{ ...once, size: 3 * FULL }], iForward(3, [0, 0])],
    [
      "a fragmented message and a small one of another stream",
      [
        { ...once, size: 2 * FULL },
        { ...once, streamId: 5 },
      ],
      iForward(3, [0, 0], [5, 0]),
    ],
  ];

  it.each(cases)("%s", (_, messages, expected) => {
    const { peer, user } = interleaved();
    user.sends(...messages);
    peer.skips();
    peer.getsAfter(1000, expected);
    // Again after twice the time, until it is acknowledged.
    peer.getsAfter(2000, expected);
    peer.sends(sack(expected["newCumulativeTsn"] as number));
    peer.getsNothingFor(100_000);
    expect(user.hears().filter((each) => each === "send-failed").length).toBeGreaterThan(0);
  });

  it("goes on with the next MID and the next TSN", () => {
    const { peer, user } = interleaved();
    user.sends(once, { ...once, unordered: true });
    peer.skips();
    peer.getsAfter(1000, iForward(2, [0, 0], [0, 0, "U"]));
    peer.sends(sack(2));
    user.sends(10, { size: 10, unordered: true });
    peer.gets([iData(3, { messageId: 1 }), iData(4, { messageId: 1, unordered: true })]);
  });

  it("is bundled in front of the data that may leave with it", () => {
    const { peer, user } = interleaved();
    user.sends(once, { size: 100, streamId: 1 });
    peer.skips();
    peer.getsAfter(1000, [iForward(1, [0, 0]), iData(2, { streamId: 1 })]);
  });

  it("stops at data that is not given up", () => {
    const { peer, user } = interleaved();
    user.sends(once, { size: FULL, streamId: 1 }, { ...once, streamId: 2 });
    peer.skips();
    const came = peer.next(1000)!;
    expect(came.chunks).toMatchObject([iForward(1, [0, 0])]);
    peer.skips();
    peer.sends(sack(2));
    peer.gets(iForward(3, [2, 0]));
  });

  it("stops at data that the peer has by gap blocks: that it moves over by itself", () => {
    const { peer, user } = interleaved();
    user.sends(once, { size: 100, streamId: 1 }, { ...once, streamId: 2 });
    peer.skips();
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.getsAfter(1000, iForward(1, [0, 0]));
    peer.sends(sack(2));
    peer.gets(iForward(3, [2, 0]));
  });

  it("is sent again when three SACKs are behind it", () => {
    const { peer, user } = interleaved();
    user.sends(once, once);
    peer.skips();
    peer.getsAfter(1000, iForward(2, [0, 1]));
    peer.sends(sack(0));
    peer.sends(sack(1));
    peer.getsNothing();
    peer.sends(sack(1));
    peer.gets(iForward(2, [0, 1]));
    peer.sends(sack(2));
    peer.getsNothingFor(10_000);
  });

  it("is not sent where only DATA is spoken of, or where nothing was agreed", () => {
    const { peer, user } = interleaved({ peerParameters: [supports(iDataType)] });
    user.sends({ ...once, ppid: 3 });
    peer.skips();
    peer.getsAfter(1000, iData(1, { ppid: 3 }));
    peer.getsAfter(2000, iData(1, { ppid: 3 }));
  });
});

describe("2.3.1 and RFC 3758 section 3.5, A3: all fragments of a message are given up together", () => {
  it("the first one is acknowledged already", () => {
    const { peer, user } = interleaved();
    user.sends({ ...once, size: 3 * FULL });
    peer.skips();
    peer.sends(sack(1));
    peer.getsAfter(1000, iForward(3, [0, 0]));
  });

  it("the middle one is in a gap block", () => {
    const { peer, user } = interleaved();
    user.sends({ ...once, size: 3 * FULL });
    peer.skips();
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.getsAfter(1000, iForward(3, [0, 0]));
  });

  it("the rest, which was never sent, gets a TSN that is skipped", () => {
    const { peer, user } = interleaved({ peerWindow: 2 * FULL });
    user.sends({ size: 5 * FULL, reliability: ttl(500) });
    peer.gets(iData(1, first()), iData(2, middle(1)));
    peer.getsAfter(1000, iForward(3, [0, 0]));
    peer.sends(sack(3));
    user.sends(10);
    peer.gets(iData(4, { messageId: 1 }));
  });

  it("fragments of two messages chunk by chunk: one is given up, the other is sent again", () => {
    const { peer, user } = interleaved({ parameters: { scheduler: "round-robin" } });
    user.sends({ size: 2 * FULL, reliability: rtx(0) }, { size: 2 * FULL, streamId: 1 });
    peer.gets(
      iData(1, first()),
      iData(2, first({ streamId: 1 })),
      iData(3, last(1)),
      iData(4, last(1, { streamId: 1 })),
    );
    const came = [peer.next(1000)!, ...peer.skips().splice(0)].flatMap(({ chunks }) => chunks);
    expect(came.map(({ type }) => type)).toContain("I_FORWARD_TSN");
    expect(came[0]).toMatchObject(iForward(1, [0, 0]));
    const rest = [];
    for (let round = 0; round < 4; round += 1) {
      peer.sends(sack(2));
      rest.push(...peer.skips().flatMap(({ chunks }) => chunks));
    }
    // The third TSN is skipped with the same message, the fourth one is sent again.
    expect(rest.filter(({ type }) => type === "I_FORWARD_TSN").at(0)).toMatchObject(iForward(3, [0, 0]));
    expect([...came, ...rest].filter(({ tsn }) => tsn === 3)).toEqual([]);
    peer.sends(sack(3));
    const again = [...came, ...rest, ...peer.skips().flatMap(({ chunks }) => chunks)];
    expect(again).toContainEqual(expect.objectContaining({ tsn: 4, streamId: 1, fsn: 1 }));
  });

  it("the user hears of each fragment with its context", () => {
    const { peer, user } = interleaved();
    user.sends({ ...once, size: 2 * FULL, context: 5 });
    peer.skips(1000);
    const failed = peer.notifications.filter(({ type }) => type === "send-failed");
    expect(failed).toMatchObject([
      { context: 5, sent: true, reason: "retransmission-limit", payload: { length: FULL } },
      { context: 5, sent: true, reason: "retransmission-limit", payload: { length: FULL } },
    ]);
  });
});

describe("2.3.1 with each policy", () => {
  it("a message whose time is over is given up at the time-out that follows", () => {
    const { peer, user } = interleaved();
    user.sends({ size: 100, reliability: ttl(1500) });
    peer.gets(iData(1));
    peer.getsAfter(1000, iData(1));
    peer.getsAfter(2000, iForward(1, [0, 0]));
  });

  it("one whose time is over before it has a TSN leaves no trace", () => {
    const { peer, user } = interleaved({ peerWindow: 2 * FULL });
    user.sends(2 * FULL, { size: FULL, streamId: 1, reliability: ttl(100) }, { size: 50, streamId: 1 });
    peer.skips();
    peer.getsNothingFor(200);
    peer.sends(sack(2));
    peer.gets(iData(3, { streamId: 1, messageId: 0, size: 50 }));
  });

  it.each([0, 1, 2, 3])("one that may be sent again %i times", (count) => {
    const { peer, user } = interleaved();
    user.sends({ size: 100, reliability: rtx(count) });
    peer.gets(iData(1));
    for (let again = 0; again < count; again += 1) peer.getsAfter(1000 * 2 ** again, iData(1));
    peer.getsAfter(1000 * 2 ** count, iForward(1, [0, 0]));
  });

  it("missing reports give one up, too", () => {
    const { peer, user } = interleaved({ peerWindow: 1_000_000 });
    user.sends(
      ...[rtx(0), undefined, undefined, undefined].map((reliability, streamId) => ({
        size: FULL,
        streamId,
        ...(reliability === undefined ? {} : { reliability }),
      })),
    );
    peer.skips();
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.sends(sack(0, { gaps: [[2, 3]] }));
    peer.getsNothing();
    peer.sends(sack(0, { gaps: [[2, 4]] }));
    peer.gets(iForward(1, [0, 0]));
  });

  it("a full buffer gives up the least urgent", () => {
    const { peer, user } = interleaved({ parameters: { sendBufferBytes: 2000 } });
    user.sends(
      { size: 900, streamId: 1, reliability: prio(2) },
      { size: 900, streamId: 2, reliability: prio(9) },
    );
    peer.skips();
    user.sends({ size: 900, streamId: 3, reliability: prio(1) });
    peer.gets(iData(3, { streamId: 3 }));
    peer.sends(sack(1));
    peer.gets(iForward(2, [2, 0]));
  });

  it("what was given up is no longer in flight", () => {
    const { peer, user } = interleaved();
    user.sends({ ...once, size: 4 * FULL });
    peer.skips();
    expect(peer.flight).toBe(4 * (FULL + 20));
    peer.skips(1000);
    expect(peer.flight).toBe(0);
  });

  it("SHUTDOWN waits until the peer has skipped it", () => {
    const { peer, user } = interleaved();
    user.sends(once);
    peer.skips();
    user.shutsDown();
    peer.getsAfter(1000, iForward(1, [0, 0]));
    peer.sends(sack(1));
    peer.gets({ type: "SHUTDOWN" });
  });

  it("lists no more streams than fit: the TSN goes no further (RFC 3758 section 3.5, C4)", () => {
    const { peer, user } = start(
      interleaving({ parameters: { packetSizeBytes: 512, outboundStreams: 100, maxBurst: 1000 } }),
    );
    peer.calls({ inboundStreams: 100 });
    peer.takesInitAck();
    peer.sends(cookieEcho());
    peer.skips();
    user.sends(...Array.from({ length: 80 }, (_, streamId) => ({ size: 4, streamId, reliability: rtx(0) })));
    peer.skips();
    const { chunks, sizeBytes } = peer.next(1000)!;
    // 512 bytes less 12 for the packet and 8 for the chunk have room for 61 entries of 8.
    expect(chunks).toMatchObject([{ type: "I_FORWARD_TSN", newCumulativeTsn: 61 }]);
    expect(chunks[0]!["streams"]).toHaveLength(61);
    expect(sizeBytes).toBe(508);
    peer.sends(sack(61));
    peer.gets({ type: "I_FORWARD_TSN", newCumulativeTsn: 80 });
  });
});
