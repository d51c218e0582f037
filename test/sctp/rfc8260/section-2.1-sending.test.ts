import { describe, expect, it } from "vitest";
import { noExtensions } from "../../../agents/sctp/index.ts";
import { connected } from "../rfc9260/kit.ts";
import type { Script } from "../rfc9260/kit.ts";
import { sack } from "../rfc9260/sketches.ts";
import { FULL, first, iData, interleaved, interleaving, last, middle } from "./kit.ts";

const chunksOf = ({ peer }: Script) => peer.skips().flatMap(({ chunks }) => chunks);
/** Bytes of the first chunk of the packet that came. */
const bytesOf = ({ peer }: Script): DataView => {
  const { bytes } = peer.arrivals.splice(0)[0]!;
  return new DataView(bytes.buffer, bytes.byteOffset + 12, bytes.length - 12);
};

describe("2.1 I-DATA on the wire", () => {
  it("a whole message: type 64, B and E, length without padding, reserved 0, MID 0, PPID", () => {
    const script = interleaved({ peerInitialTsn: 1 });
    script.user.sends({ size: 5, streamId: 3, ppid: 0xfedcba98 });
    const { peer } = script;
    const first32 = peer.theirInitialTsn;
    const view = bytesOf(script);
    expect(view.byteLength).toBe(28);
    expect(view.getUint8(0)).toBe(64);
    expect(view.getUint8(1)).toBe(0x03);
    expect(view.getUint16(2)).toBe(25);
    expect(view.getUint32(4)).toBe(first32);
    expect(view.getUint16(8)).toBe(3);
    expect(view.getUint16(10)).toBe(0);
    expect(view.getUint32(12)).toBe(0);
    expect(view.getUint32(16)).toBe(0xfedcba98);
    // The padding.
    expect(view.getUint32(24) & 0xffffff).toBe(0);
  });

  it.each([
    ["nothing", {}, 0x03],
    ["U", { unordered: true }, 0x07],
    ["I", { immediate: true }, 0x0b],
    ["U and I", { unordered: true, immediate: true }, 0x0f],
  ] as const)("flags with %s asked for: the upper four bits are 0", (_, fields, flags) => {
    const script = interleaved();
    script.user.sends({ size: 4, ...fields });
    expect(bytesOf(script).getUint8(1)).toBe(flags);
  });

  it("fragments have 20 bytes of header: packets are full and no fuller", () => {
    const { peer, user } = interleaved();
    user.sends(FULL, 2 * FULL + 1);
    expect(peer.arrivals.map(({ sizeBytes }) => sizeBytes)).toEqual([1012, 1012, 1012, 12 + 20 + 4]);
  });

  it("the first fragment carries the PPID, the others their number in its place", () => {
    const script = interleaved();
    script.user.sends({ size: 3 * FULL, ppid: 51 });
    expect(chunksOf(script)).toMatchObject([
      iData(1, { ...first(), ppid: 51, fsn: 0, messageId: 0, size: FULL }),
      iData(2, { ...middle(1), ppid: 0, messageId: 0, size: FULL }),
      iData(3, { ...last(2), ppid: 0, messageId: 0, size: FULL }),
    ]);
  });

  it("FSNs count from 0 in each message, not in the stream", () => {
    const script = interleaved({ peerWindow: 1_000_000 });
    script.user.sends(2 * FULL, 2 * FULL);
    expect(chunksOf(script).map(({ fsn, messageId }) => [messageId, fsn])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
  });

  it("I on a fragmented message is on its last fragment", () => {
    const script = interleaved();
    script.user.sends({ size: 3 * FULL, immediate: true });
    expect(chunksOf(script).map(({ immediate }) => immediate)).toEqual([false, false, true]);
  });

  it("all fragments of an unordered message have U set", () => {
    const script = interleaved();
    script.user.sends({ size: 3 * FULL, unordered: true });
    expect(chunksOf(script).map(({ unordered }) => unordered)).toEqual([true, true, true]);
  });

  it.each([
    [1, [1]],
    [FULL - 1, [FULL - 1]],
    [FULL, [FULL]],
    [FULL + 1, [FULL, 1]],
    [2 * FULL, [FULL, FULL]],
    [4 * FULL - 3, [FULL, FULL, FULL, FULL - 3]],
  ])("a message of %i bytes", (size, sizes) => {
    const script = interleaved({ peerWindow: 1_000_000 });
    script.user.sends(size);
    const chunks = chunksOf(script);
    expect(chunks.map((chunk) => chunk["size"])).toEqual(sizes);
    expect(chunks.map(({ beginning }) => beginning)).toEqual(sizes.map((_, at) => at === 0));
    expect(chunks.map(({ ending }) => ending)).toEqual(sizes.map((_, at) => at === sizes.length - 1));
  });
});

describe("2.1 message identifiers", () => {
  it("each stream has two counters from 0 on: one for ordered, one for unordered messages", () => {
    const script = interleaved();
    const order = [
      [0, false],
      [0, true],
      [1, true],
      [0, false],
      [1, true],
      [1, false],
      [0, true],
      [0, true],
    ] as const;
    script.user.sends(...order.map(([streamId, unordered]) => ({ size: 8, streamId, unordered })));
    const numbers = (stream: number, unordered: boolean) =>
      sent.filter((each) => each["streamId"] === stream && each["unordered"] === unordered);
    const sent = chunksOf(script);
    expect(sent.map(({ tsn }) => tsn)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(numbers(0, false).map(({ messageId }) => messageId)).toEqual([0, 1]);
    expect(numbers(0, true).map(({ messageId }) => messageId)).toEqual([0, 1, 2]);
    expect(numbers(1, true).map(({ messageId }) => messageId)).toEqual([0, 1]);
    expect(numbers(1, false).map(({ messageId }) => messageId)).toEqual([0]);
  });

  it("goes on behind 65535, unlike an SSN", () => {
    const script = interleaved({ parameters: { maxBurst: 1000 } });
    const { peer, user } = script;
    let messages = 0;
    for (; messages < 65_600; messages += 160) {
      user.sends(...Array.from({ length: 160 }, () => 4));
      peer.skips();
      peer.sends(sack(messages + 160));
      peer.skips();
    }
    user.sends(4);
    peer.gets(iData(messages + 1, { messageId: messages }));
    expect(messages).toBeGreaterThan(65_536);
  });

  it("a message that is sent again keeps TSN, MID and FSN", () => {
    const script = interleaved();
    const { peer, user } = script;
    user.sends({ size: 2 * FULL, streamId: 4, ppid: 9 });
    const sent = chunksOf(script);
    const again = [peer.next(1000), ...peer.skips(), peer.next(0)].flatMap((each) =>
      each === undefined || Array.isArray(each) ? [] : each.chunks,
    );
    expect(again).toEqual([sent[0]]);
    peer.sends(sack(1));
    expect(peer.skips().flatMap(({ chunks }) => chunks)).toEqual([sent[1]]);
  });

  it("I set while shutting down does not change the rest", () => {
    const script = interleaved();
    const { peer, user } = script;
    user.sends(...Array.from({ length: 8 }, () => FULL));
    const before = chunksOf(script);
    user.shutsDown();
    peer.sends(sack(before.length));
    const after = chunksOf(script);
    expect([...before, ...after].map(({ immediate }) => immediate)).toEqual([
      ...Array.from({ length: 7 }, () => false),
      true,
    ]);
  });
});

describe("2.2.2 the sender", () => {
  it("observes the congestion window, which counts the header of 20 bytes", () => {
    const { peer, user } = interleaved({ peerWindow: 1_000_000 });
    user.sends(20 * FULL);
    // RFC 9260 section 7.2.1: four packets at first; slow start makes it five.
    expect(peer.skips()).toHaveLength(4);
    expect(peer.flight).toBe(4 * (20 + FULL));
    peer.sends(sack(1));
    expect(peer.skips()).toHaveLength(2);
    expect(peer.flight).toBe(5 * (20 + FULL));
  });

  it.each([2, 3])("observes the receiver window: %i fragments fit", (count) => {
    const { peer, user } = interleaved({ peerWindow: count * FULL + 100 });
    user.sends(10 * FULL);
    expect(peer.skips()).toHaveLength(count);
    peer.sends(sack(count, { advertisedWindow: FULL }));
    peer.gets(iData(count + 1, { fsn: count, messageId: 0 }));
  });

  it("probes a closed window with the next fragment", () => {
    const { peer, user } = interleaved({ peerWindow: 2 * FULL });
    user.sends(3 * FULL);
    peer.gets(iData(1, first()), iData(2, middle(1)));
    peer.sends(sack(2, { advertisedWindow: 0 }));
    peer.getsNothing();
    peer.getsAfter(1000, iData(3, last(2)));
  });

  it("never processes two messages of one stream at a time, whatever their order", () => {
    const { peer, user } = interleaved({ peerWindow: 1_000_000, parameters: { scheduler: "round-robin" } });
    user.sends(
      { size: 3 * FULL },
      { size: 3 * FULL, unordered: true },
      { size: 3 * FULL, streamId: 1, unordered: true },
      { size: 3 * FULL, streamId: 1 },
    );
    const sent = [];
    for (let round = 0; round < 12; round += 1) {
      for (const { chunks } of peer.skips()) sent.push(...chunks);
      peer.sends(sack(sent.length));
    }
    expect(sent).toHaveLength(12);
    for (const streamId of [0, 1]) {
      const own = sent.filter((each) => each["streamId"] === streamId);
      const [begun] = own;
      expect(own.map(({ fsn }) => fsn)).toEqual([0, 1, 2, 0, 1, 2]);
      expect(own.map(({ unordered }) => unordered === begun?.["unordered"])).toEqual([
        ...[true, true, true],
        ...[false, false, false],
      ]);
    }
    // And between the streams there is a change with each chunk.
    expect(sent.map(({ streamId }) => streamId)).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
  });

  it("gives later fragments higher TSNs and sends TSNs in sequence", () => {
    const script = interleaved({ peerWindow: 1_000_000, parameters: { scheduler: "round-robin" } });
    const { peer, user } = script;
    user.sends({ size: 2 * FULL }, { size: 2 * FULL, streamId: 1 }, { size: FULL, streamId: 2 });
    const sent = chunksOf(script);
    peer.sends(sack(4));
    sent.push(...chunksOf(script));
    expect(sent.map(({ tsn, streamId, fsn }) => [tsn, streamId, fsn])).toEqual([
      [1, 0, 0],
      [2, 1, 0],
      [3, 2, 0],
      [4, 0, 1],
      [5, 1, 1],
    ]);
  });

  it("does not interleave with DATA: a message that has begun is finished first", () => {
    const script = connected({
      peerWindow: 1_000_000,
      parameters: { scheduler: "round-robin", maxBurst: 1000, extensions: noExtensions },
    });
    script.user.sends({ size: 2 * 984 }, { size: 2 * 984, streamId: 1 });
    expect(chunksOf(script).map(({ streamId }) => streamId)).toEqual([0, 0, 1, 1]);
  });

  it("fast retransmission of a fragment goes on as with DATA", () => {
    const { peer, user } = interleaved({ peerWindow: 1_000_000 });
    user.sends(4 * FULL);
    peer.skips();
    for (const gap of [2, 3, 4]) peer.sends(sack(0, { gaps: [[2, gap]] }));
    peer.gets(iData(1, first()));
  });

  it("what the peer acknowledges by gap blocks is not sent again after T3", () => {
    const { peer, user } = interleaved();
    user.sends({ size: FULL }, { size: FULL, streamId: 1 }, { size: FULL, streamId: 2 });
    peer.skips();
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.getsAfter(1000, iData(1, { streamId: 0 }));
    peer.sends(sack(2));
    peer.gets(iData(3, { streamId: 2 }));
  });

  it("SHUTDOWN waits for all fragments of all streams", () => {
    const { peer, user } = interleaved();
    user.sends({ size: 2 * FULL }, { size: 2 * FULL, streamId: 1 });
    user.shutsDown();
    peer.skips();
    peer.sends(sack(3));
    peer.getsNothing();
    peer.sends(sack(4));
    peer.gets({ type: "SHUTDOWN" });
  });

  it("the endpoint that called sends in the same way", () => {
    const script = connected(interleaving());
    script.user.sends(2 * FULL);
    expect(chunksOf(script)).toMatchObject([iData(1, first()), iData(2, last(1))]);
  });
});
