import { describe, expect, it } from "vitest";
import { encodeUpdate } from "../../../agents/replica/update-codec.ts";
import { ssn } from "../../../agents/sctp/index.ts";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";
import { data, names } from "./chunks.ts";
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

describe("memory", () => {
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
