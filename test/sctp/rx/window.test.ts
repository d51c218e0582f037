import { describe, expect, it } from "vitest";
import { encodeUpdate } from "../../../agents/replica/update-codec.ts";
import { ssn, tsn } from "../../../agents/sctp/index.ts";
import type { Chunk, IDataChunk } from "../../../agents/sctp/wire/index.ts";
import { data, iData, names } from "./chunks.ts";
import { Receiver } from "./receiver.ts";

const parameters = { receiveBufferBytes: 16 * 1024 };
const message = (index: number, bytes: number): Chunk =>
  data(100 + index, { ssn: ssn(index), payload: new Uint8Array(bytes) });

describe("the receive window with deliveries that the user holds", () => {
  const filled = (): Receiver => {
    const receiver = new Receiver({ holdsDeliveries: true, parameters });
    for (let index = 0; index < 11; index++) receiver.receive(message(index, 1400));
    receiver.wait(200);
    return receiver;
  };

  it("shrinks by what was delivered, and never to a sliver", () => {
    const receiver = new Receiver({ holdsDeliveries: true, parameters });
    receiver.receive(message(0, 1000), message(1, 1000));
    receiver.wait(200);
    expect(receiver.lastSack?.advertisedWindow).toBe(16 * 1024 - 2000);
    expect(filled().lastSack?.advertisedWindow).toBe(0);
  });

  it("takes what still fits, then answers probes with a SACK at once and takes nothing", () => {
    const receiver = filled();
    expect(receiver.deliveries).toHaveLength(11);
    const answers = receiver.receive(message(11, 1400));
    expect(receiver.deliveries).toHaveLength(11);
    expect(answers).toMatchObject([{ type: "SACK", cumulativeTsn: 110, advertisedWindow: 0 }]);
    expect(receiver.state.phase).toBe("established");
  });

  it("opens with a SACK of its own once two packets fit, not before", () => {
    const receiver = filled();
    expect(receiver.consumed(1400)).toEqual([]);
    expect(receiver.consumed(1400)).toMatchObject([{ type: "SACK", advertisedWindow: 16 * 1024 - 9 * 1400 }]);
    expect(receiver.consumed(100)).toEqual([]);
    receiver.restore();
    expect(receiver.consumed(9 * 1400)).toMatchObject([{ type: "SACK", advertisedWindow: 16 * 1024 }]);
  });

  it("does not count what the user takes at once", () => {
    const receiver = new Receiver({ parameters });
    for (let index = 0; index < 40; index++) receiver.receive(message(index, 1400));
    expect(receiver.deliveries).toHaveLength(40);
    expect(receiver.lastSack?.advertisedWindow).toBe(16 * 1024);
  });
});

describe("what does not fit", () => {
  it("is dropped above a gap, and taken where it fills one", () => {
    const receiver = new Receiver({ parameters });
    for (let index = 1; index < 20; index++) receiver.receive(message(index, 1400));
    const { buffered } = receiver.state.receive;
    expect(buffered.size).toBe(11);
    expect(receiver.lastSack).toMatchObject({ cumulativeTsn: 99, gaps: [{ start: 2, end: 12 }] });
    receiver.receive(message(0, 1400));
    expect(receiver.deliveries).toHaveLength(12);
    expect(receiver.state.receive.cumulativeTsn).toBe(111);
    receiver.checkBounds();
  });
});

/** What a peer that keeps to the window makes of messages on many streams at once: a fragment of each in turn. */
function interleaved(streams: number, messages: number, fragments: number, bytes: number): IDataChunk[] {
  const chunks: IDataChunk[] = [];
  for (let messageId = 0; messageId < messages; messageId++) {
    for (let fsn = 0; fsn < fragments; fsn++) {
      for (let streamId = 0; streamId < streams; streamId++) {
        const ends = { beginning: fsn === 0, ending: fsn === fragments - 1 };
        const payload = new Uint8Array(bytes).fill(streamId);
        chunks.push(iData(100 + chunks.length, { streamId, messageId, fsn, ...ends, payload }));
      }
    }
  }
  return chunks;
}

/**
 * Sends in order as section 6.1 rule A allows: what fits the window less what is outstanding, or one probe when
 * nothing is. Whatever the receiver's user holds is consumed where only that helps.
 */
function sendWithinWindow(receiver: Receiver, chunks: readonly Chunk[], sizes: readonly number[]): void {
  let next = 0;
  for (let idle = 0; next < chunks.length && idle < 20; idle += 1) {
    const { cumulativeTsn = tsn(99), advertisedWindow = 0 } = receiver.lastSack ?? {};
    next = cumulativeTsn - 99;
    const first = next;
    for (let room = advertisedWindow; next < chunks.length; next++) {
      room -= sizes[next]!;
      if (room < 0 && next > first) break;
      receiver.receive(chunks[next]!);
      receiver.checkBounds();
      if (room < 0) break;
    }
    receiver.wait(200);
    if (receiver.lastSack!.cumulativeTsn > cumulativeTsn) idle = 0;
    else receiver.consumed(receiver.state.receive.bufferedBytes + 100_000);
    next = receiver.lastSack!.cumulativeTsn - 99;
  }
}

describe("a peer that keeps to the window", () => {
  const cases = [8 * 1024, 64 * 1024].flatMap((receiveBufferBytes) =>
    [2000, receiveBufferBytes].flatMap((partialDeliveryPointBytes) =>
      [false, true].map((holdsDeliveries) => ({
        holdsDeliveries,
        parameters: { receiveBufferBytes, partialDeliveryPointBytes, heartbeatEnabled: false },
      })),
    ),
  );

  it.each(cases)("is never refused, though no message fits the buffer beside the others: %o", (options) => {
    const receiver = new Receiver({ interleaving: true, streams: 300, ...options });
    const chunks = interleaved(300, 2, 5, 700);
    sendWithinWindow(
      receiver,
      chunks,
      chunks.map(({ payload }) => payload.length),
    );
    expect(receiver.state.phase).toBe("established");
    expect(receiver.state.receive.cumulativeTsn).toBe(99 + chunks.length);
    expect(receiver.state.receive.buffered.size).toBe(0);
    const bytes = receiver.deliveries.reduce((sum, { payload }) => sum + payload.length, 0);
    expect(bytes).toBe(3000 * 700);
    expect(receiver.deliveries.filter(({ ending }) => ending)).toHaveLength(600);
    receiver.checkFold();
  });

  it("may probe with a packet larger than two buffers: a message, or parts of one", () => {
    for (const holdsDeliveries of [false, true]) {
      const small = { receiveBufferBytes: 4096, partialDeliveryPointBytes: 4096 };
      const receiver = new Receiver({ holdsDeliveries, parameters: small });
      const huge = { payload: new Uint8Array(60_000) };
      const chunks = [
        data(100, huge),
        data(101, { ...huge, ssn: ssn(1), ending: false }),
        data(102, { ...huge, ssn: ssn(1), beginning: false, ending: false }),
        data(103, { ...huge, ssn: ssn(1), beginning: false }),
        data(104, { ...huge, ssn: ssn(2) }),
      ];
      for (const each of chunks) {
        // It comes again as a probe until it is acknowledged, and the user takes what it has meanwhile.
        for (let tries = 0; tries < 3 && receiver.state.receive.cumulativeTsn !== each.tsn; tries++) {
          receiver.consumed(120_000);
          receiver.receive(each);
        }
      }
      expect(receiver.deliveries.map(({ payload }) => payload.length)).toEqual([
        60_000, 60_000, 60_000, 60_000, 60_000,
      ]);
      expect(receiver.state.phase).toBe("established");
    }
  });
});

describe("memory", () => {
  it("of what the user holds has a bound, whatever a peer sends into a closed window", () => {
    const receiver = new Receiver({ holdsDeliveries: true, parameters: { receiveBufferBytes: 16 * 1024 } });
    // A gap of thousands of TSNs, behind an unordered message that does not wait; then large ones fill it.
    receiver.receive(data(4000, { unordered: true }));
    for (let index = 0; index < 100; index++) receiver.receive(message(index, 60_000));
    const held = receiver.deliveries.reduce((sum, { payload }) => sum + payload.length, 0);
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThanOrEqual(2 * 16 * 1024 + 60_000);
    expect(receiver.state.phase).toBe("established");
  });

  it("is not held by small chunks in large packets", () => {
    const receiver = new Receiver();
    const packet = new Uint8Array(60_000);
    receiver.receive(data(101, { ssn: ssn(1), payload: packet.subarray(100, 101) }));
    const [chunk] = receiver.state.receive.buffered.values();
    expect(chunk?.payload.buffer.byteLength).toBe(1);
  });

  it("of delivered messages is the packet's own, without a copy", () => {
    const receiver = new Receiver();
    const packet = new Uint8Array(1500);
    receiver.receive(data(100, { payload: packet.subarray(28, 128) }));
    expect(receiver.deliveries[0]?.payload.buffer).toBe(packet.buffer);
  });

  it("of streams is used for those in use only", () => {
    const receiver = new Receiver({ streams: 65_535 });
    receiver.receive(data(100, { streamId: 65_534 }), data(101, { streamId: 3 }));
    expect(Object.keys(receiver.state.receive.nextSsn)).toEqual(["3", "65534"]);
    const { state } = receiver;
    const send = { ...state.send, nextSsn: [] };
    expect(encodeUpdate({ kind: "opened", state: { ...state, send } }).length).toBeLessThan(250);
  });
});

describe("a SACK", () => {
  const sacks = (chunks: readonly Chunk[]): number => names(chunks).filter((name) => name === "SACK").length;

  it("comes for every second packet, or after the delay", () => {
    const receiver = new Receiver();
    // The very first one is acknowledged at once (RFC 9260 section 5.1).
    expect(sacks(receiver.receive(message(0, 10)))).toBe(1);
    expect(sacks(receiver.receive(message(1, 10), message(2, 10)))).toBe(0);
    expect(sacks(receiver.receive(message(3, 10)))).toBe(1);
    expect(sacks(receiver.receive(message(4, 10)))).toBe(0);
    expect(sacks(receiver.wait(199))).toBe(0);
    expect(sacks(receiver.wait(1))).toBe(1);
  });

  it("comes for every packet with frequency 1", () => {
    const receiver = new Receiver({ parameters: { sackFrequency: 1 } });
    expect(sacks(receiver.receive(message(0, 10)))).toBe(1);
    expect(sacks(receiver.receive(message(1, 10)))).toBe(1);
  });

  it("comes at once for a gap, for what fills it, for a duplicate and for the I bit", () => {
    const receiver = new Receiver();
    expect(receiver.receive(message(2, 10))).toMatchObject([{ type: "SACK", gaps: [{ start: 3, end: 3 }] }]);
    expect(receiver.receive(message(0, 10))).toMatchObject([{ type: "SACK", gaps: [{ start: 2, end: 2 }] }]);
    expect(receiver.receive(message(1, 10))).toMatchObject([{ type: "SACK", cumulativeTsn: 102, gaps: [] }]);
    expect(receiver.receive(message(1, 10))).toMatchObject([{ type: "SACK", duplicates: [101] }]);
    expect(sacks(receiver.receive({ ...data(103), ssn: ssn(3), immediate: true }))).toBe(1);
  });

  it("fits into a packet, whatever is missing and whatever was repeated", () => {
    const receiver = new Receiver({ streams: 1 });
    for (let index = 1; index < 2000; index += 2) {
      receiver.receive(data(100 + index, { unordered: true, payload: new Uint8Array(1) }));
    }
    receiver.receive(...Array.from({ length: 50 }, () => data(101)));
    const sack = receiver.lastSack;
    expect(sack?.duplicates).toHaveLength(32);
    expect(sack?.gaps).toHaveLength((1472 - 28) / 4 - 32);
  });
});
