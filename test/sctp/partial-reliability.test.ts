import { describe, expect, it } from "vitest";
import type { Reliability } from "../../agents/sctp/index.ts";
import { Pair, hasChunk } from "./pair.ts";

const timed = (lifetimeMs: number): Reliability => ({ policy: "timed", lifetimeMs });
const retransmits = (maxRetransmits: number): Reliability => ({
  policy: "limited-retransmissions",
  maxRetransmits,
});

describe.each([{ interleaving: false }, { interleaving: true }])(
  "partial reliability (RFC 3758, RFC 7496), $interleaving interleaving",
  ({ interleaving }) => {
    const forward = interleaving ? "I_FORWARD_TSN" : "FORWARD_TSN";
    const data = interleaving ? "I_DATA" : "DATA";
    const pair = (parameters = {}): Pair =>
      new Pair({ extensions: { partialReliability: true, interleaving }, parameters });

    it("gives a message up at the time-out that follows the last retransmission allowed", () => {
      const it = pair();
      it.lost = (datagram) => hasChunk(datagram, data);
      const startMs = it.world.nowMs;
      it.send(it.client, 100, { reliability: retransmits(1), context: 7 });
      it.drain();
      it.world.run(20_000);
      const sent = it.sent(it.client);
      const forwards = sent.filter(({ chunk }) => chunk.type === forward);
      // RTO 1 s: sent again after 1 s, given up after 2 s more; the peer's SACK ends it.
      expect(forwards.map(({ atMs }) => Math.round(atMs - startMs))).toEqual([3000]);
      expect(it.notifications(it.client, "send-failed")).toMatchObject([
        { context: 7, sent: true, reason: "retransmission-limit" },
      ]);
      expect(it.server.received).toEqual([]);
    });

    it("does not delay what is behind a message that was given up", () => {
      const it = pair();
      it.lost = (datagram) => hasChunk(datagram, data);
      it.send(it.client, 3000, { reliability: timed(500) });
      it.drain();
      it.lost = () => false;
      it.world.run(100);
      it.send(it.client, 26 * 3);
      it.send(it.client, 26 * 4, { streamId: 1 });
      it.drain();
      expect(it.world.run(5000, () => it.server.received.length === 2)).toBe(true);
      expect(it.server.received.map(({ text }) => text.length)).toEqual(expect.arrayContaining([78, 104]));
      expect(it.notifications(it.client, "send-failed").every(({ reason }) => reason === "expired")).toBe(
        true,
      );
      expect(it.notifications(it.client, "association-change").at(-1)?.state).toBe("comm-up");
    });

    it("drops from the queue what expired before it was sent, without a word to the peer", () => {
      const it = pair({ sendBufferBytes: 1024 * 1024 });
      it.lost = () => true;
      it.send(it.client, 50_000);
      it.send(it.client, 200, { reliability: timed(100), context: 1 });
      it.drain();
      it.world.run(500);
      it.lost = () => false;
      it.send(it.client, 300);
      expect(it.world.run(20_000, () => it.server.received.length === 2)).toBe(true);
      expect(it.server.received.map(({ text }) => text.length)).toEqual([50_000, 300]);
      expect(it.notifications(it.client, "send-failed")).toMatchObject([{ context: 1, sent: false }]);
      expect(it.sent(it.client).some(({ chunk }) => chunk.type === forward)).toBe(false);
    });

    it("skips the rest of a message of which the peer got all that was sent", () => {
      const it = pair({ receiveBufferBytes: 8000, sendBufferBytes: 1024 * 1024 });
      // Nothing comes back: the window stays full of what did arrive.
      it.lost = ({ from }) => from === "192.0.2.11";
      it.send(it.client, 100_000, { reliability: timed(300) });
      it.send(it.client, 10);
      it.drain();
      it.world.run(800);
      it.lost = () => false;
      expect(it.world.run(20_000, () => it.server.received.some(({ text }) => text.length === 10))).toBe(
        true,
      );
      expect(it.notifications(it.server, "association-change").at(-1)?.state).toBe("comm-up");
      expect(it.server.received.filter(({ text }) => text.length === 100_000)).toEqual([]);
    });

    it("repeats FORWARD TSN until it is acknowledged", () => {
      const it = pair();
      it.lost = (datagram) => hasChunk(datagram, data) || hasChunk(datagram, forward);
      it.send(it.client, 100, { reliability: retransmits(0) });
      it.drain();
      it.world.run(10_000);
      it.lost = () => false;
      it.world.run(10_000);
      const before = it.sent(it.client).filter(({ chunk }) => chunk.type === forward).length;
      expect(before).toBeGreaterThan(0);
      expect(it.client.endpoint.pendingBytes(it.client.handle ?? 0)).toBe(0);
      expect(it.client.endpoint.nextDeadlineMs()).toBeGreaterThan(it.world.nowMs + 1000);
      it.client.endpoint.shutdown(it.client.handle ?? 0, it.world.nowMs);
      expect(it.world.run(5000, () => it.client.events.includes("shutdown-complete"))).toBe(true);
    });

    it("makes room for the urgent when the buffer is full", () => {
      const it = pair({ sendBufferBytes: 10_000 });
      it.lost = (datagram) => hasChunk(datagram, data);
      const priority = (value: number): Reliability => ({ policy: "priority", priority: value });
      for (let count = 0; count < 10; count++)
        it.send(it.client, 1000, { reliability: priority(5), context: count });
      expect(it.send(it.client, 1000, { reliability: priority(5) })).toBe("queue-full");
      expect(it.send(it.client, 11_000)).toBe("queue-full");
      expect(it.send(it.client, 2000, { reliability: priority(1), context: 99 })).toBe("accepted");
      expect(it.send(it.client, 2000, { reliability: priority(9) })).toBe("queue-full");
      it.drain();
      it.lost = () => false;
      it.world.run(20_000);
      expect(it.server.received.map(({ text }) => text.length).toSorted((a, b) => a - b)).toEqual([
        ...Array.from({ length: 8 }, () => 1000),
        2000,
      ]);
      expect(it.notifications(it.client, "send-failed")).toHaveLength(2);
    });

    it("sends reliably all the same to a peer that does not know it", () => {
      const it = new Pair({ extensions: { interleaving } });
      it.lost = (datagram) => hasChunk(datagram, data);
      it.send(it.client, 100, { reliability: retransmits(0) });
      it.drain();
      it.world.run(2500);
      it.lost = () => false;
      expect(it.world.run(20_000, () => it.server.received.length === 1)).toBe(true);
    });
  },
);
