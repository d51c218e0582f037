import { describe, expect, it } from "vitest";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";
import { tsn } from "../../../agents/sctp/index.ts";
import { Bench, initAckOf, initOf, peer, peerTag, stranger, types } from "./bench.ts";

const data: Chunk = {
  type: "DATA",
  tsn: tsn(1000),
  streamId: 0,
  ssn: 0,
  ppid: 0,
  unordered: false,
  beginning: true,
  ending: true,
  immediate: false,
  payload: new Uint8Array(4),
} as Extract<Chunk, { type: "DATA" }>;
const abort = (tagReflected: boolean): Chunk => ({ type: "ABORT", tagReflected, causes: [] });
const complete = (tagReflected: boolean): Chunk => ({ type: "SHUTDOWN_COMPLETE", tagReflected });
const staleCookie: Chunk = { type: "ERROR", causes: [{ type: "STALE_COOKIE", code: 3, stalenessUs: 9 }] };
const otherError: Chunk = { type: "ERROR", causes: [{ type: "OUT_OF_RESOURCE", code: 4 }] };
const sack: Chunk = { type: "SACK", cumulativeTsn: tsn(1), advertisedWindow: 5000, gaps: [], duplicates: [] };
const heartbeat: Chunk = { type: "HEARTBEAT", info: new Uint8Array(8) };
const unknown: Chunk = { type: "UNKNOWN", typeNumber: 200, flags: 0, value: new Uint8Array(0) };

/** What comes back to a packet that belongs to no association (RFC 9260 section 8.4). */
const rules: { rule: string; chunks: Chunk[]; answer: Chunk | undefined }[] = [
  { rule: "2: ABORT", chunks: [abort(false)], answer: undefined },
  { rule: "2: ABORT that reflects", chunks: [abort(true)], answer: undefined },
  { rule: "2: ABORT behind others", chunks: [{ type: "SHUTDOWN_ACK" }, abort(false)], answer: undefined },
  {
    rule: "4: COOKIE ECHO that is none of ours",
    chunks: [{ type: "COOKIE_ECHO", cookie: new Uint8Array(100) }],
    answer: undefined,
  },
  { rule: "5: SHUTDOWN ACK", chunks: [{ type: "SHUTDOWN_ACK" }], answer: complete(true) },
  {
    rule: "5: SHUTDOWN ACK behind another",
    chunks: [sack, { type: "SHUTDOWN_ACK" }],
    answer: complete(true),
  },
  { rule: "6: SHUTDOWN COMPLETE", chunks: [complete(false)], answer: undefined },
  { rule: "6: SHUTDOWN COMPLETE that reflects", chunks: [complete(true)], answer: undefined },
  { rule: "7: Stale Cookie", chunks: [staleCookie], answer: undefined },
  { rule: "7: COOKIE ACK", chunks: [{ type: "COOKIE_ACK" }], answer: undefined },
  { rule: "7: COOKIE ACK with DATA", chunks: [{ type: "COOKIE_ACK" }, data], answer: undefined },
  { rule: "8: DATA", chunks: [data], answer: abort(true) },
  { rule: "8: SACK", chunks: [sack], answer: abort(true) },
  { rule: "8: HEARTBEAT", chunks: [heartbeat], answer: abort(true) },
  {
    rule: "8: HEARTBEAT ACK",
    chunks: [{ type: "HEARTBEAT_ACK", info: new Uint8Array(8) }],
    answer: abort(true),
  },
  { rule: "8: SHUTDOWN", chunks: [{ type: "SHUTDOWN", cumulativeTsn: tsn(1) }], answer: abort(true) },
  { rule: "8: another ERROR", chunks: [otherError], answer: abort(true) },
  { rule: "8: INIT ACK", chunks: [initAckOf()], answer: abort(true) },
  { rule: "8: an unknown chunk", chunks: [unknown], answer: abort(true) },
  {
    rule: "8: COOKIE ECHO that is not the first",
    chunks: [sack, { type: "COOKIE_ECHO", cookie: new Uint8Array(9) }],
    answer: abort(true),
  },
];

describe("a packet out of the blue (RFC 9260 section 8.4)", () => {
  it.each(rules)("by rule $rule", ({ chunks, answer }) => {
    for (const destinationPort of [7000, 7001]) {
      const bench = new Bench();
      const out = bench.give(chunks, { tag: 5, destinationPort, sourcePort: 9 });
      const expected = { verificationTag: 5, sourcePort: destinationPort, destinationPort: 9, to: peer };
      const elsewhere = destinationPort !== 7000 && chunks[0]?.type === "COOKIE_ECHO";
      if (elsewhere) expect(out).toMatchObject([{ ...expected, chunks: [abort(true)] }]);
      else expect(out).toMatchObject(answer === undefined ? [] : [{ ...expected, chunks: [answer] }]);
      expect(bench.endpoint.snapshot().associations).toEqual([]);
    }
  });

  it.each([
    ["from a multicast address", { from: "224.0.0.1" }],
    ["from a broadcast address", { from: "255.255.255.255" }],
    ["from no address", { from: "0.0.0.0" }],
    ["to a multicast address", { to: "239.1.2.3" }],
    ["to a multicast address of IPv6", { to: "ff02::1", from: "2001:db8::1" }],
    ["from the unspecified address of IPv6", { from: "::", to: "2001:db8::1" }],
  ])("%s is discarded by rule 1, INIT too", (_, envelope) => {
    const bench = new Bench();
    expect(bench.give([data], { tag: 5, ...envelope })).toEqual([]);
    expect(bench.give([initOf()], envelope)).toEqual([]);
  });

  it("with a wrong checksum or less than a header is not answered", () => {
    const bench = new Bench();
    const { bytes } = bench.handshake().sent;
    expect(bench.giveBytes(bytes.with(20, bytes[20]! ^ 1))).toEqual([]);
    expect(bench.giveBytes(bytes.subarray(0, 11))).toEqual([]);
    expect(bench.endpoint.counters).toMatchObject({ badChecksum: 1, unparsable: 1 });
  });

  it("with nothing in it is not answered", () => {
    expect(new Bench().give([], { tag: 5 })).toEqual([]);
  });
});

describe("verification tags (RFC 9260 section 8.5)", () => {
  it("A: nothing but INIT may have the tag 0, and INIT no other", () => {
    const bench = new Bench();
    for (const chunks of [
      [data],
      [abort(false)],
      [initOf(), data],
      [data, initOf()],
      [{ type: "SHUTDOWN_ACK" }],
    ] as Chunk[][]) {
      expect(bench.give(chunks)).toEqual([]);
    }
    expect(bench.give([initOf()], { tag: 5 })).toEqual([]);
    expect(bench.give([initOf(), unknown])).toEqual([]);
    const tag = bench.accept();
    expect(bench.give([initOf({ initiateTag: 99 })], { tag })).toEqual([]);
    expect(bench.endpoint.counters.badTag).toBe(8);
  });

  it("of a peer that we know must be right, or silence follows", () => {
    const bench = new Bench();
    const tag = bench.accept();
    for (const chunks of [[data], [heartbeat], [{ type: "SHUTDOWN_ACK" }], [abort(false)]] as Chunk[][]) {
      for (const wrong of [tag + 1, peerTag]) expect(bench.give(chunks, { tag: wrong })).toEqual([]);
    }
    expect(bench.state(tag).phase).toBe("established");
    expect(bench.state(tag).receive.cumulativeTsn).toBe(999);
  });

  it("of an association is worth nothing from an address or a port that its peer has not", () => {
    const bench = new Bench();
    const tag = bench.accept();
    for (const envelope of [{ from: stranger }, { sourcePort: 7001 }]) {
      expect(bench.give([abort(false)], { tag, ...envelope })).toEqual([]);
      expect(bench.give([data], { tag, ...envelope })).toMatchObject([{ chunks: [abort(true)] }]);
    }
    expect(bench.state(tag).phase).toBe("established");
  });

  it.each([
    ["our tag without T", true, false, true],
    ["the peer's tag with T", false, true, true],
    ["our tag with T", true, true, false],
    ["the peer's tag without T", false, false, false],
  ])("B: ABORT with %s", (_, ours, reflected, accepted) => {
    const bench = new Bench();
    const tag = bench.accept();
    expect(bench.give([abort(reflected)], { tag: ours ? tag : peerTag })).toEqual([]);
    expect(bench.endpoint.state(tag)?.phase).toBe(accepted ? undefined : "established");
  });

  it.each([
    ["our tag without T", true, false, true],
    ["the peer's tag with T", false, true, true],
    ["our tag with T", true, true, false],
    ["the peer's tag without T", false, false, false],
  ])("C: SHUTDOWN COMPLETE with %s", (_, ours, reflected, accepted) => {
    const bench = new Bench();
    const tag = bench.accept();
    const envelope = { tag: ours ? tag : peerTag };
    bench.give([complete(reflected)], envelope);
    expect(bench.state(tag).phase).toBe("established");
    bench.give([{ type: "SHUTDOWN", cumulativeTsn: bench.state(tag).send.cumulativeAck }], { tag });
    expect(bench.state(tag).phase).toBe("shutdown-ack-sent");
    expect(bench.give([complete(reflected), data], envelope)).toEqual([]);
    expect(bench.state(tag).phase).toBe("shutdown-ack-sent");
    expect(bench.give([complete(reflected)], envelope)).toEqual([]);
    expect(bench.endpoint.state(tag)?.phase).toBe(accepted ? undefined : "shutdown-ack-sent");
  });

  it("C: SHUTDOWN COMPLETE has the peer's tag and no T where the association is known", () => {
    const bench = new Bench();
    const tag = bench.accept();
    bench.endpoint.shutdown(tag, bench.nowMs);
    expect(types(bench.sent())).toEqual(["SHUTDOWN"]);
    const out = bench.give([{ type: "SHUTDOWN_ACK" }], { tag });
    expect(out).toMatchObject([{ verificationTag: peerTag, chunks: [complete(false)] }]);
  });

  it("D: COOKIE ECHO has the tag of INIT ACK", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    expect(bench.give([initAckOf({ initiateTag: 123 })], { tag: handle })[0]?.verificationTag).toBe(123);
  });

  it.each(["cookie-wait", "cookie-echoed"])("E: SHUTDOWN ACK in %s ends what was before", (phase) => {
    const bench = new Bench();
    const { handle } = bench.connect();
    if (phase === "cookie-echoed") bench.give([initAckOf()], { tag: handle });
    for (const tag of [handle, 4711]) {
      const out = bench.give([{ type: "SHUTDOWN_ACK" }], { tag });
      expect(out).toMatchObject([{ verificationTag: tag, chunks: [complete(true)] }]);
    }
    expect(bench.changes(handle)).toEqual([]);
  });

  it("in COOKIE-WAIT nothing else is answered, and only ABORT with our tag counts", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    for (const chunks of [[data], [abort(true)]]) expect(bench.give(chunks, { tag: handle })).toEqual([]);
    for (const tag of [1, peerTag]) expect(bench.give([abort(false)], { tag })).toEqual([]);
    expect(bench.give([abort(false)], { tag: handle, from: stranger })).toEqual([]);
    expect(bench.changes(handle)).toEqual([]);
    expect(bench.give([abort(false)], { tag: handle })).toEqual([]);
    expect(bench.notifications).toMatchObject([
      { notification: { state: "cant-start", cause: "aborted-by-peer" } },
    ]);
  });
});

describe("INIT ACK in company (RFC 9260 section 6.10)", () => {
  it("is discarded", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    expect(bench.give([initAckOf(), data], { tag: handle })).toEqual([]);
    expect(types(bench.give([initAckOf()], { tag: handle }))).toEqual(["COOKIE_ECHO"]);
  });
});
