import { describe, expect, it } from "vitest";
import { Endpoint, seededRandom, tsn } from "../../../agents/sctp/index.ts";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";
import { types } from "../handshake/bench.ts";
import { AsconfStage, change, ours, peer, peerToo, us, usToo } from "./asconf-stage.ts";
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
});
