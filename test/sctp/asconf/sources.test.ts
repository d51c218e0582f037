import { describe, expect, it } from "vitest";
import { Endpoint, seededRandom, tsn } from "../../../agents/sctp/index.ts";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";
import { types } from "../handshake/bench.ts";
import { AsconfStage, change, extensions, ours, peer, peerToo, us, usToo } from "./asconf-stage.ts";
import { numbered as data } from "../rx/chunks.ts";

/** From which of our addresses packets leave while addresses come and go (RFC 5061 section 5.3). */

const heartbeat: Chunk = { type: "HEARTBEAT", info: new Uint8Array(16).fill(3) };

describe("an address of ours that is being added or deleted", () => {
  it("does not answer HEARTBEAT before its ASCONF is acknowledged: another one does (F1)", () => {
    const stage = new AsconfStage();
    const { bench, tag } = stage;
    bench.endpoint.addAddress(tag, ours, bench.nowMs);
    bench.sent();
    const [early] = stage.give([heartbeat], { to: ours });
    expect([early?.chunks[0]?.type, early?.from]).toEqual(["HEARTBEAT_ACK", us]);
    stage.acknowledge();
    const [late] = stage.give([heartbeat], { to: ours });
    expect([late?.chunks[0]?.type, late?.from]).toEqual(["HEARTBEAT_ACK", ours]);
  });

  it("sends no SACK for what still comes there while it goes, and when it is gone (F4)", () => {
    const stage = new AsconfStage();
    const { bench, tag } = stage;
    stage.give([data(0)], { to: usToo });
    bench.endpoint.removeAddress(tag, usToo, bench.nowMs);
    bench.sent();
    const from = (number: number, to: string): string | undefined =>
      stage.give([data(number)], { to }).find(({ chunks }) => chunks[0]?.type === "SACK")?.from;
    expect(from(1, usToo)).toBe(us);
    stage.acknowledge();
    expect(from(2, usToo)).toBe(us);
  });
});

describe("a snapshot", () => {
  it("knows from which addresses an association may send, whatever the endpoint began with", () => {
    const stage = new AsconfStage();
    const { bench, tag } = stage;
    bench.endpoint.useOtherAddresses(true);
    bench.endpoint.removeAddress(tag, us, bench.nowMs);
    bench.sent();
    stage.acknowledge([], { to: usToo });
    expect(stage.localAddresses).toEqual([usToo]);
    bench.endpoint = Endpoint.restore(bench.endpoint.snapshot(), bench.config, seededRandom(1));
    expect(bench.endpoint.snapshot().associations[0]?.sources).toEqual([usToo]);
    bench.endpoint.useOtherAddresses(true);
    expect(stage.send()[0]?.from).toBe(usToo);
  });
});

describe("an address of the peer that went", () => {
  it("leaves nothing behind that the congestion window of the others does not count", () => {
    const stage = new AsconfStage();
    const { bench, tag } = stage;
    bench.endpoint.setPrimary(tag, peerToo);
    stage.send(1000);
    stage.send(1000);
    const acked = bench.state(tag).send.cumulativeAck;
    const sack = (gaps: { readonly start: number; readonly end: number }[]): Chunk => {
      return { type: "SACK", cumulativeTsn: tsn(acked), advertisedWindow: 100_000, gaps, duplicates: [] };
    };
    stage.give([sack([{ start: 2, end: 2 }])]);
    stage.ask([change("DELETE_IP_ADDRESS", peerToo)], { from: peer });
    // The SACK that reported it is overtaken by an older one.
    bench.endpoint.receive(stage.bytes([sack([])]), { local: us, remote: peer }, bench.nowMs);
    const { packets } = bench.endpoint.takeOutputs();
    expect(packets.map(({ reason, remote }) => [reason, remote])).toEqual([["t3-retransmission", peer]]);
    expect(types(bench.sent())).toEqual([]);
  });

  const sackOf = (
    cumulativeTsn: number,
    gaps: readonly { readonly start: number; readonly end: number }[] = [],
  ): Chunk => ({
    type: "SACK",
    cumulativeTsn: tsn(cumulativeTsn),
    advertisedWindow: 100_000,
    gaps,
    duplicates: [],
  });

  it("what arrived there still shows what is missing (RFC 9260 section 7.2.4)", () => {
    const stage = new AsconfStage({ noDelay: true });
    const { bench, tag } = stage;
    for (let count = 0; count < 5; count++) stage.send(1000);
    const acked = bench.state(tag).send.cumulativeAck;
    // Max.Burst lets four of them leave again; the fifth has no address now.
    stage.ask([change("DELETE_IP_ADDRESS", peer)], { from: peerToo });
    const reported = [5, 4, 3].flatMap((first) => {
      bench.endpoint.receive(
        stage.bytes([sackOf(acked, [{ start: first, end: 5 }])]),
        { local: us, remote: peerToo },
        bench.nowMs,
      );
      return bench.endpoint.takeOutputs().packets.map(({ reason }) => reason);
    });
    expect(reported).toEqual(["fast-retransmission", "fast-retransmission"]);
  });

  it("a FORWARD TSN that was to be repeated there is repeated elsewhere (RFC 3758 section 3.5, C5)", () => {
    const stage = new AsconfStage(
      { extensions: { ...extensions, partialReliability: true } },
      [peer, peerToo],
      [0xc1, 0x80, 0xc0],
    );
    const { bench, tag } = stage;
    const reliability = { policy: "limited-retransmissions", maxRetransmits: 0 } as const;
    const message = { streamId: 0, ppid: 0, unordered: false, payload: new Uint8Array(10), reliability };
    bench.endpoint.send(tag, message, bench.nowMs);
    expect(types(bench.sent())).toEqual(["DATA"]);
    const [given] = bench.nextDeadline();
    expect([given?.chunks[0]?.type, given?.to]).toEqual(["FORWARD_TSN", peerToo]);
    const after = stage.give([stage.asconf([change("DELETE_IP_ADDRESS", peerToo)])], { from: peer });
    expect(types(after)).toContain("ASCONF_ACK+FORWARD_TSN");
    expect(types(bench.nextDeadline())).toEqual(["FORWARD_TSN"]);
  });
});
