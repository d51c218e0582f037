import { describe, expect, it } from "vitest";
import { crc32c } from "../../../agents/sctp/index.ts";
import { FULL, established, receiving } from "./kit.ts";
import type { Peer } from "./kit.ts";
import { data, error, heartbeat, heartbeatAck, sack } from "./sketches.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const words = (deliveries: readonly { readonly payload: Uint8Array }[]): string[] =>
  deliveries.map(({ payload }) => new TextDecoder().decode(payload));

/** DATA with a word in it. */
const word = (tsn: number, ssn: number, payload: string, fields = {}) =>
  data(tsn, { ssn, payload: text(payload), ...fields });

const first = { beginning: true, ending: false };
const middle = { beginning: false, ending: false };
const last = { beginning: false, ending: true };

const chunksOf = (peer: Peer, ms = 0) => peer.skips(ms).flatMap(({ chunks }) => chunks);

describe("6.5 streams", () => {
  it("DATA on a stream that does not exist is acknowledged, reported at once, and thrown away", () => {
    const { peer, user } = receiving({ parameters: { maxInboundStreams: 5 } });
    peer.sends(data(2, { streamId: 5, ssn: 0 }));
    expect(chunksOf(peer)).toContainEqual(
      expect.objectContaining(error({ type: "INVALID_STREAM_IDENTIFIER", code: 1, streamId: 5 })),
    );
    expect(user.takes()).toEqual([]);
    peer.sends(data(3, { ssn: 1 }));
    expect(chunksOf(peer, 200)).toContainEqual(expect.objectContaining({ type: "SACK", cumulativeTsn: 3 }));
    expect(user.takes()).toHaveLength(1);
  });

  it("each stream counts its SSNs from 0, for ordered messages only", () => {
    const { peer, user } = established();
    user.sends(
      { streamId: 0, size: 10 },
      { streamId: 1, size: 10 },
      { streamId: 0, size: 10, unordered: true },
      { streamId: 0, size: 10 },
      { streamId: 1, size: 10 },
    );
    expect(chunksOf(peer).filter(({ unordered }) => unordered === false)).toMatchObject([
      data(1, { streamId: 0, ssn: 0 }),
      data(2, { streamId: 1, ssn: 0 }),
      data(4, { streamId: 0, ssn: 1 }),
      data(5, { streamId: 1, ssn: 1 }),
    ]);
  });

  it("after SSN 65535 comes 0, on the way out", () => {
    const { peer, user } = established({ parameters: { maxBurst: 1000 } });
    // Chunks of 20 bytes: 200 fill the window.
    let tsn = 0;
    for (; tsn < 65_400; tsn += 200) {
      user.sends(...Array.from({ length: 200 }, () => 4));
      peer.skips();
      peer.sends(sack(tsn + 200));
      peer.skips();
    }
    const left = 65_536 - tsn;
    user.sends(...Array.from({ length: left + 1 }, () => 4));
    expect(chunksOf(peer).slice(-2)).toMatchObject([data(65_536, { ssn: 65_535 }), data(65_537, { ssn: 0 })]);
  });

  it("after SSN 65535 comes 0, on the way in", () => {
    const { peer, user } = established();
    for (let tsn = 1; tsn <= 65_536; tsn += 32) {
      peer.sends(...Array.from({ length: 32 }, (_, index) => data(tsn + index, { size: 4 })));
      peer.skips();
    }
    expect(user.takes()).toHaveLength(65_536);
    peer.sends(data(65_538, { ssn: 1, size: 4 }));
    expect(user.takes()).toHaveLength(0);
    peer.sends(data(65_537, { ssn: 0, size: 4 }));
    expect(user.takes()).toHaveLength(2);
  });
});

describe("6.6 order", () => {
  it("within a stream messages are delivered by SSN", () => {
    const { peer, user } = receiving();
    peer.sends(word(3, 2, "second"));
    expect(user.takes()).toEqual([]);
    peer.sends(word(2, 1, "first"));
    expect(words(user.takes())).toEqual(["first", "second"]);
  });

  it("one stream does not hold up another", () => {
    const { peer, user } = receiving();
    peer.sends(word(3, 2, "held"));
    peer.sends(word(4, 0, "other", { streamId: 1 }));
    expect(words(user.takes())).toEqual(["other"]);
  });

  it("unordered messages are delivered at once, and hold up nothing", () => {
    const { peer, user } = receiving();
    peer.sends(word(4, 999, "urgent", { unordered: true }));
    expect(words(user.takes())).toEqual(["urgent"]);
    peer.sends(word(2, 1, "one"), word(3, 2, "two"));
    expect(words(user.takes())).toEqual(["one", "two"]);
  });

  it("what was delivered carries stream, SSN, PPID and order", () => {
    const { peer, user } = receiving();
    peer.sends(word(2, 0, "x", { streamId: 3, ppid: 46 }));
    expect(user.takes()).toMatchObject([{ streamId: 3, ssn: 0, ppid: 46, unordered: false }]);
  });

  it("a message is delivered once, however often it comes", () => {
    const { peer, user } = receiving();
    for (let copy = 0; copy < 5; copy += 1) peer.sends(word(2, 1, "once"));
    for (let copy = 0; copy < 5; copy += 1) peer.sends(word(3, 9, "unordered", { unordered: true }));
    expect(words(user.takes())).toEqual(["once", "unordered"]);
  });
});

describe("6.9 fragmentation and reassembly", () => {
  it("a message larger than a packet is cut into chunks that fit", () => {
    const { peer, user } = established();
    user.sends(3 * FULL + 1);
    peer.gets(
      data(1, { size: FULL, ...first }),
      data(2, { size: FULL, ...middle }),
      data(3, { size: FULL, ...middle }),
      data(4, { size: 1, ...last }),
    );
  });

  it("a message that fits is not cut", () => {
    const { peer, user } = established();
    user.sends(FULL);
    peer.gets(data(1, { size: FULL, beginning: true, ending: true }));
  });

  it("a fragment that is sent again is the same fragment", () => {
    const { peer, user } = established();
    user.sends(2 * FULL);
    peer.skips();
    peer.getsAfter(1000, data(1, { size: FULL, ...first }));
    peer.sends(sack(1));
    peer.gets(data(2, { size: FULL, ...last }));
  });

  it("fragments that come in any order make the message", () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [0, 2, 1],
      [2, 0, 1],
    ]) {
      const { peer, user } = receiving();
      const parts = [word(2, 1, "ab", first), word(3, 1, "cd", middle), word(4, 1, "ef", last)];
      for (const index of order) {
        expect(user.takes()).toEqual([]);
        peer.sends(parts[index]!);
      }
      expect(words(user.takes())).toEqual(["abcdef"]);
    }
  });

  it("fragments of an unordered message make a message, too", () => {
    const { peer, user } = receiving();
    peer.sends(word(4, 0, "c", { ...last, unordered: true }));
    peer.sends(word(3, 0, "b", { ...middle, unordered: true }));
    expect(user.takes()).toEqual([]);
    peer.sends(word(2, 0, "a", { ...first, unordered: true }));
    expect(words(user.takes())).toEqual(["abc"]);
  });

  it("messages of several streams, one after the other, are kept apart", () => {
    const { peer, user } = receiving();
    peer.sends(word(2, 0, "a1", { ...first, streamId: 1 }), word(3, 0, "a2", { ...last, streamId: 1 }));
    peer.sends(word(4, 0, "b1", { ...first, streamId: 2 }), word(5, 0, "b2", { ...last, streamId: 2 }));
    expect(words(user.takes())).toEqual(["a1a2", "b1b2"]);
  });

  it("fragments over the wrap of the TSN make a message", () => {
    const { peer, user } = receiving({ peerInitialTsn: 0xfffffffe });
    peer.sends(word(0, 1, "y", middle));
    peer.sends(word(1, 1, "z", last));
    expect(user.takes()).toEqual([]);
    peer.sends(word(0xffffffff, 1, "x", first));
    expect(words(user.takes())).toEqual(["xyz"]);
  });

  it("a large message arrives whole", () => {
    const { peer, user } = receiving();
    const count = 100;
    for (let index = 0; index < count; index += 1) {
      const place = { beginning: index === 0, ending: index === count - 1 };
      peer.sends(data(2 + index, { ssn: 1, size: FULL, ...place }));
    }
    expect(user.takes().map(({ payload }) => payload.length)).toEqual([count * FULL]);
  });

  it("when the buffer is full before the message is complete, its beginning is handed over", () => {
    const { peer, user } = receiving({
      parameters: { receiveBufferBytes: 6000, partialDeliveryPointBytes: 3000 },
    });
    const count = 20;
    for (let index = 0; index < count; index += 1) {
      const place = { beginning: index === 0, ending: index === count - 1 };
      peer.sends(data(2 + index, { ssn: 1, size: FULL, ...place }));
    }
    const parts = user.takes() as readonly { payload: Uint8Array; beginning?: boolean; ending?: boolean }[];
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.reduce((sum, { payload }) => sum + payload.length, 0)).toBe(count * FULL);
    expect(parts.map(({ beginning }) => beginning)).toEqual(parts.map((_, index) => index === 0));
    expect(parts.map(({ ending }) => ending)).toEqual(parts.map((_, index) => index === parts.length - 1));
  });
});

describe("6.10 bundling", () => {
  it("small messages share a packet, in the order of their TSNs", () => {
    const { peer, user } = established();
    user.sends(100, 200, 300);
    peer.gets([data(1, { size: 100 }), data(2, { size: 200 }), data(3, { size: 300 })]);
  });

  it("no packet is larger than the path MTU", () => {
    const { peer, user } = established({ parameters: { maxBurst: 1000 } });
    user.sends(...Array.from({ length: 60 }, (_, index) => 1 + ((index * 37) % 900)));
    const sizes = peer.skips().map(({ sizeBytes }) => sizeBytes);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1012);
  });

  it("control chunks stand before DATA", () => {
    const { peer, user } = receiving();
    peer.sends(data(2));
    user.sends(10);
    peer.gets([sack(2), data(1)]);
  });

  it("the chunks of a packet are processed in their order", () => {
    const { peer, user } = receiving();
    peer.sends(word(2, 1, "a"), word(3, 2, "b"), heartbeat(), word(4, 3, "c"));
    expect(words(user.takes())).toEqual(["a", "b", "c"]);
    expect(chunksOf(peer)).toContainEqual(expect.objectContaining(heartbeatAck()));
  });

  it("12.4 a packet of many control chunks is answered by one packet", () => {
    const { peer } = receiving();
    peer.sends(
      ...Array.from({ length: 40 }, (_, index) => heartbeat({ info: new Uint8Array(16).fill(index) })),
    );
    expect(peer.skips()).toHaveLength(1);
  });
});

describe("6.8 CRC32c", () => {
  it("is that of Castagnoli", () => {
    expect(crc32c(text("123456789"))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  });

  it("is on every packet that leaves, lowest byte first", () => {
    const { peer, user } = established();
    user.sends(10);
    const { bytes } = peer.skips()[0]!;
    const zeroed = bytes.slice();
    zeroed.fill(0, 8, 12);
    expect(new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true)).toBe(crc32c(zeroed));
  });

  it("that is wrong makes a packet nothing: no answer, no effect", () => {
    const { peer, user } = receiving();
    peer.sends(data(2));
    const good = established();
    good.user.sends(10);
    peer.skips(500);
    for (const bit of [0, 7, 40, 90, 100, 200]) {
      const bytes = good.peer.arrivals[0]!.bytes.slice();
      bytes[Math.floor(bit / 8)]! ^= 1 << (bit % 8);
      peer.sendsBytes(bytes);
    }
    peer.getsNothing();
    expect(peer.endpoint.counters.badChecksum).toBe(6);
    expect(user.state).toBe("established");
  });
});
