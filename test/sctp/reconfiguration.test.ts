import { describe, expect, it } from "vitest";
import type { WantedReconfiguration } from "../../agents/sctp/index.ts";
import type { Node } from "../sim/endpoints.ts";
import { Pair, hasChunk } from "./pair.ts";

const accepting = { acceptsStreamReset: true, acceptsAssociationReset: true, acceptsStreamChange: true };

const pairThat = (parameters = accepting as Partial<typeof accepting>, interleaving = false): Pair =>
  new Pair({ extensions: { streamReconfiguration: true, interleaving }, parameters });

function ask(pair: Pair, node: Node, wanted: WantedReconfiguration): string {
  const reply = node.endpoint.reconfigure(node.handle ?? 0, wanted, pair.world.nowMs);
  pair.drain();
  return reply;
}

/** SSNs or MIDs of the data chunks that a node sent on a stream. */
const numbers = (pair: Pair, node: Node, streamId: number): number[] =>
  pair.sent(node).flatMap(({ chunk }) => {
    if (chunk.type === "DATA" && chunk.streamId === streamId) return [chunk.ssn];
    return chunk.type === "I_DATA" && chunk.streamId === streamId ? [chunk.messageId] : [];
  });

describe.each([{ interleaving: false }, { interleaving: true }])(
  "stream re-configuration (RFC 6525), $interleaving interleaving",
  ({ interleaving }) => {
    it("resets outgoing streams: the next message has number 0, others go on", () => {
      const pair = pairThat(accepting, interleaving);
      for (let count = 0; count < 3; count++) {
        pair.send(pair.client, 10, { streamId: 1 });
        pair.send(pair.client, 10, { streamId: 2 });
      }
      pair.drain();
      expect(ask(pair, pair.client, { kind: "outgoing-reset", streams: [1] })).toBe("accepted");
      pair.send(pair.client, 10, { streamId: 1 });
      pair.send(pair.client, 10, { streamId: 2 });
      pair.drain();
      expect(pair.world.run(5000, () => pair.server.received.length === 8)).toBe(true);
      expect(numbers(pair, pair.client, 1)).toEqual([0, 1, 2, 0]);
      expect(numbers(pair, pair.client, 2)).toEqual([0, 1, 2, 3]);
      expect(pair.notifications(pair.server, "stream-reset")).toMatchObject([
        { direction: "incoming", streams: [1], outcome: "performed" },
      ]);
      expect(pair.notifications(pair.client, "stream-reset")).toMatchObject([
        { direction: "outgoing", streams: [1], outcome: "performed" },
      ]);
    });

    it("comes after all that was given before it, sent or not (5.1.2, A1)", () => {
      const pair = pairThat(accepting, interleaving);
      for (let count = 0; count < 3; count++) pair.send(pair.client, 3000, { streamId: 1 });
      const wanted = { kind: "outgoing-reset", streams: [1] } as const;
      pair.client.endpoint.reconfigure(pair.client.handle ?? 0, wanted, pair.world.nowMs);
      pair.send(pair.client, 10, { streamId: 1 });
      pair.drain();
      expect(pair.world.run(5000, () => pair.server.received.length === 4)).toBe(true);
      expect([...new Set(numbers(pair, pair.client, 1))]).toEqual([0, 1, 2]);
      expect(numbers(pair, pair.client, 1).at(-1)).toBe(0);
    });

    it("waits until the peer has got everything before it (5.2.2, E2)", () => {
      const pair = pairThat(accepting, interleaving);
      pair.lost = (datagram) => hasChunk(datagram, interleaving ? "I_DATA" : "DATA");
      pair.send(pair.client, 10, { streamId: 1 });
      pair.drain();
      ask(pair, pair.client, { kind: "outgoing-reset", streams: [] });
      pair.world.run(500);
      expect(pair.notifications(pair.client, "stream-reset")).toEqual([]);
      pair.lost = () => false;
      pair.send(pair.client, 20, { streamId: 1 });
      expect(pair.world.run(20_000, () => pair.server.received.length === 2)).toBe(true);
      expect(numbers(pair, pair.client, 1).at(-1)).toBe(0);
      const paths = pair.client.endpoint.statistics(pair.client.handle ?? 0)?.paths;
      expect(paths?.[0]?.errorCount).toBe(0);
    });

    it("asks the peer to reset what it sends (5.2.3)", () => {
      const pair = pairThat(accepting, interleaving);
      pair.send(pair.server, 10, { streamId: 4 });
      pair.send(pair.server, 10, { streamId: 4 });
      pair.drain();
      pair.world.run(100);
      ask(pair, pair.client, { kind: "incoming-reset", streams: [4] });
      pair.world.run(1000);
      pair.send(pair.server, 10, { streamId: 4 });
      pair.world.run(1000);
      expect(numbers(pair, pair.server, 4)).toEqual([0, 1, 0]);
      expect(pair.client.received).toHaveLength(3);
      expect(pair.client.endpoint.state(pair.client.handle ?? 0)?.reconfiguration.inFlight).toBeUndefined();
      ask(pair, pair.client, { kind: "incoming-reset", streams: [7] });
      pair.world.run(1000);
      expect(pair.client.endpoint.state(pair.client.handle ?? 0)?.reconfiguration.inFlight).toBeUndefined();
    });

    it("resets TSNs and all streams of both sides (5.2.4), when nothing is outstanding", () => {
      const pair = pairThat(accepting, interleaving);
      for (const node of [pair.client, pair.server]) {
        for (let count = 0; count < 2; count++) pair.send(node, 10, { streamId: 3 });
      }
      pair.drain();
      ask(pair, pair.client, { kind: "ssn-tsn-reset" });
      expect(
        pair.world.run(5000, () => pair.notifications(pair.client, "association-reset").length > 0),
      ).toBe(true);
      const [reset] = pair.notifications(pair.client, "association-reset");
      const [atServer] = pair.notifications(pair.server, "association-reset");
      expect(reset?.outcome).toBe("performed");
      expect([reset?.localTsn, reset?.remoteTsn]).toEqual([atServer?.remoteTsn, atServer?.localTsn]);
      for (const node of [pair.client, pair.server]) pair.send(node, 10, { streamId: 3 });
      pair.drain();
      pair.world.run(1000);
      expect(numbers(pair, pair.client, 3)).toEqual([0, 1, 0]);
      expect(numbers(pair, pair.server, 3)).toEqual([0, 1, 0]);
      expect([pair.client.received.length, pair.server.received.length]).toEqual([3, 3]);
    });

    it("adds streams in both directions (5.2.5, 5.2.6)", () => {
      const pair = pairThat(accepting, interleaving);
      expect(pair.send(pair.client, 10, { streamId: 17 })).toBe("no-such-stream");
      ask(pair, pair.client, { kind: "add-outgoing", count: 4 });
      pair.world.run(1000);
      expect(pair.send(pair.client, 10, { streamId: 17 })).toBe("accepted");
      ask(pair, pair.client, { kind: "add-incoming", count: 2 });
      pair.world.run(1000);
      expect(pair.send(pair.server, 10, { streamId: 17 })).toBe("accepted");
      pair.world.run(1000);
      expect([pair.client.received.length, pair.server.received.length]).toEqual([1, 1]);
    });
  },
);

describe("a re-configuration request", () => {
  it("is denied by a peer that does not allow it, which is the default", () => {
    const pair = pairThat({});
    pair.send(pair.client, 10);
    ask(pair, pair.client, { kind: "outgoing-reset", streams: [0] });
    ask(pair, pair.client, { kind: "ssn-tsn-reset" });
    ask(pair, pair.client, { kind: "add-outgoing", count: 1 });
    pair.world.run(5000);
    expect(pair.notifications(pair.client, "stream-reset")).toMatchObject([{ outcome: "denied" }]);
    expect(pair.notifications(pair.client, "association-reset")).toMatchObject([{ outcome: "denied" }]);
    expect(pair.notifications(pair.client, "stream-change")).toMatchObject([{ outcome: "denied" }]);
    pair.send(pair.client, 10);
    pair.world.run(1000);
    expect(numbers(pair, pair.client, 0)).toEqual([0, 1]);
  });

  it("is repeated with back-off, answered the same way again, and ends with the association", () => {
    const pair = pairThat();
    pair.send(pair.client, 10, { streamId: 1 });
    pair.world.run(1000);
    // The answers are lost: the peer resets once, and answers each repetition.
    pair.lost = ({ from }) => from === "192.0.2.11";
    const startMs = pair.world.nowMs;
    ask(pair, pair.client, { kind: "outgoing-reset", streams: [1] });
    pair.world.run(3500);
    const times = pair
      .sent(pair.client)
      .flatMap(({ atMs, chunk }) => (chunk.type === "RE_CONFIG" ? [Math.round(atMs - startMs)] : []));
    expect(times).toEqual([0, 1000, 3000]);
    expect(pair.notifications(pair.server, "stream-reset")).toHaveLength(1);
    pair.lost = () => false;
    pair.world.run(10_000);
    expect(pair.notifications(pair.client, "stream-reset")).toMatchObject([{ outcome: "performed" }]);
    pair.lost = () => true;
    ask(pair, pair.client, { kind: "outgoing-reset", streams: [1] });
    expect(pair.world.run(700_000, () => pair.client.events.includes("comm-lost"))).toBe(true);
  });

  it("is not sent to a peer that did not offer it, nor for a stream that is not there", () => {
    const pair = new Pair();
    expect(ask(pair, pair.client, { kind: "outgoing-reset", streams: [0] })).toBe("not-supported");
    const other = pairThat();
    expect(ask(other, other.client, { kind: "outgoing-reset", streams: [16] })).toBe("no-such-stream");
  });
});
