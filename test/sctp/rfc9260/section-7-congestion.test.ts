import { describe, expect, it } from "vitest";
import { FULL, PEER, PEER_TOO, US, US_TOO, established, full, sending } from "./kit.ts";
import type { Peer, Script } from "./kit.ts";
import { data, sack, to } from "./sketches.ts";

const initialWindow = (packetSizeBytes: number, peerAddresses?: readonly string[]): number =>
  established({
    parameters: { packetSizeBytes },
    ...(peerAddresses === undefined ? {} : { peerAddresses, localAddresses: ["2001:db8::1"] }),
  }).peer.path(peerAddresses?.[0]).windowBytes;

/** Congestion avoidance with cwnd 5000 just above ssthresh 4000, TSN 1 to 5 out, `more` packets queued. */
function avoiding(more: number): Script {
  const script = sending(4, { parameters: { maxBurst: 1000 } });
  const { peer, user } = script;
  peer.skips(1000);
  // ssthresh 4000, cwnd 1000. One packet an acknowledgement: 2000, 3000, 4000 with TSN 2, 3, 4 and new ones.
  user.sends(...Array.from({ length: 5 + more }, () => FULL));
  for (let tsn = 1; tsn <= 4; tsn += 1) peer.sends(sack(tsn));
  // The window was full each time: 1000, 2000, 3000, 4000, and at 4000 slow start still counts: 5000.
  peer.skips();
  expect(peer.path()).toMatchObject({ windowBytes: 5000, slowStartThresholdBytes: 4000 });
  peer.theirInitialTsn = (peer.theirInitialTsn + 4) >>> 0;
  return script;
}

/** Acknowledges TSN by TSN; answers the window after each. */
const windows = (peer: Peer, from: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => {
    peer.sends(sack(from + index));
    return peer.cwnd;
  });

describe("7.2.1 the initial window", () => {
  it("is four packets where they are small", () => {
    expect(initialWindow(12 + 300)).toBe(1200);
    expect(initialWindow(12 + 1000)).toBe(4000);
  });

  it("is 4404 bytes for IPv4 with packets of ordinary size", () => {
    expect(initialWindow(12 + 1460)).toBe(4404);
    expect(initialWindow(12 + 2000)).toBe(4404);
  });

  it("is 4344 bytes for IPv6", () => {
    expect(initialWindow(12 + 1440, ["2001:db8::2"])).toBe(4344);
  });

  it("is two packets where they are large", () => {
    expect(initialWindow(12 + 4000)).toBe(8000);
  });

  it("ssthresh is high at first: at least as high as the peer's window", () => {
    const { peer } = established({ peerWindow: 1_000_000 });
    expect(peer.path().slowStartThresholdBytes).toBeGreaterThanOrEqual(1_000_000);
  });
});

describe("7.2.1 slow start", () => {
  it("each SACK for a full window lets it grow by what it acknowledges", () => {
    const { peer, user } = sending(4);
    user.sends(FULL, FULL, FULL, FULL);
    peer.sends(sack(1));
    expect(peer.cwnd).toBe(5000);
    peer.sends(sack(2));
    expect(peer.cwnd).toBe(6000);
  });

  it("by the size of the chunks, headers and all", () => {
    const { peer, user } = established();
    user.sends(84, FULL, FULL, FULL, FULL);
    peer.skips();
    peer.sends(sack(1));
    expect(peer.cwnd).toBe(4100);
  });

  it("by one packet at most, however much is acknowledged", () => {
    const { peer } = sending(4);
    peer.sends(sack(4));
    expect(peer.cwnd).toBe(5000);
  });

  it("not where the window was not full", () => {
    const { peer } = sending(3);
    peer.sends(sack(1));
    expect(peer.cwnd).toBe(4000);
    peer.sends(sack(3));
    expect(peer.cwnd).toBe(4000);
  });

  it("a SACK that acknowledges nothing new lets nothing grow", () => {
    const { peer } = sending(4);
    for (let round = 0; round < 5; round += 1) peer.sends(sack(0));
    expect(peer.cwnd).toBe(4000);
  });

  it("many small acknowledgements are worth no more than one: SACK splitting does not help", () => {
    const { peer, user } = established({ parameters: { maxBurst: 1000 } });
    user.sends(...Array.from({ length: 50 }, () => 84));
    peer.skips();
    // 40 chunks of 100 bytes are out. Ten SACKs for one each: the window grows by what they acknowledge.
    for (let tsn = 1; tsn <= 10; tsn += 1) peer.sends(sack(tsn));
    expect(peer.cwnd).toBeLessThanOrEqual(5000);
  });

  it("at most one packet for a SACK that fills a gap and acknowledges a lot", () => {
    const { peer } = full(16);
    peer.sends(sack(0, { gaps: [[2, 16]] }));
    expect(peer.cwnd).toBeLessThanOrEqual(17_000);
    peer.sends(sack(16));
    expect(peer.cwnd).toBeLessThanOrEqual(17_000);
  });

  it("goes on while cwnd equals ssthresh", () => {
    avoiding(0);
  });
});

describe("7.2.2 congestion avoidance", () => {
  it("grows by one packet when a window full was acknowledged", () => {
    const { peer } = avoiding(20);
    // partial_bytes_acked: 1000, 2000, 3000, 4000, 5000 >= 5000: the window was full each time.
    expect(windows(peer, 1, 5)).toEqual([5000, 5000, 5000, 5000, 6000]);
    // It went to 0, and now 6000 have to come together.
    expect(windows(peer, 6, 6)).toEqual([6000, 6000, 6000, 6000, 6000, 7000]);
  });

  it("counts bytes that gap blocks acknowledge", () => {
    const { peer } = avoiding(20);
    peer.sends(sack(1, { gaps: [[3, 5]] }));
    expect(peer.cwnd).toBe(5000);
    // 4000 so far; this one makes it 5000, with the window full again.
    peer.sends(sack(5));
    expect(peer.cwnd).toBe(6000);
  });

  it("what is over carries on to the next round", () => {
    const { peer } = avoiding(20);
    // 4000, then 7000 >= 5000: 2000 is left, and 4000 more make 6000.
    peer.sends(sack(4));
    peer.sends(sack(7));
    expect(peer.cwnd).toBe(6000);
    expect(windows(peer, 8, 4)).toEqual([6000, 6000, 6000, 7000]);
  });

  it("never more than one packet for one SACK", () => {
    const { peer } = avoiding(40);
    peer.sends(sack(5));
    expect(peer.cwnd).toBe(6000);
    peer.sends(sack(11));
    expect(peer.cwnd).toBe(7000);
  });

  it("does not grow where the window was not full, but remembers one window at most", () => {
    const { peer, user } = avoiding(0);
    // TSN 1 to 5 are out. Two packets are kept out from here on: never full.
    peer.sends(sack(3));
    for (let tsn = 4; tsn <= 13; tsn += 1) {
      user.sends(FULL);
      peer.sends(sack(tsn));
    }
    expect(peer.cwnd).toBe(5000);
    // 13,000 bytes were acknowledged since: partial_bytes_acked is cut to 5000. Fill the window now: two out, three more.
    user.sends(...Array.from({ length: 20 }, () => FULL));
    peer.skips();
    // 6000 >= 5000, full: 1000 is left, cwnd 6000. Without the cut there would be another packet soon after.
    expect(windows(peer, 14, 6)).toEqual([6000, 6000, 6000, 6000, 6000, 7000]);
  });

  it("forgets when everything was acknowledged", () => {
    const { peer, user } = avoiding(0);
    // 4000, 5000 less than full, then nothing is out: 0.
    peer.sends(sack(4));
    peer.sends(sack(5));
    expect(peer.cwnd).toBe(5000);
    user.sends(...Array.from({ length: 12 }, () => FULL));
    expect(windows(peer, 6, 5)).toEqual([5000, 5000, 5000, 5000, 6000]);
  });
});

describe("7.2.3 and 6.3.3 after a time-out", () => {
  it("slow start begins anew from one packet, up to ssthresh", () => {
    const { peer, user } = full(16);
    user.sends(...Array.from({ length: 40 }, () => FULL));
    peer.getsAfter(1000, data(1));
    expect(peer.path()).toMatchObject({ windowBytes: 1000, slowStartThresholdBytes: 8000 });
    // 2000 to 9000 by slow start (at 8000 it still is), then 9 acknowledgements for a packet.
    expect(windows(peer, 1, 9)).toEqual([2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 9000]);
  });

  it("only one packet is out until something is acknowledged", () => {
    const { peer, user } = full(8);
    user.sends(FULL, FULL);
    peer.getsAfter(1000, data(1));
    peer.getsAfter(2000, data(1));
    expect(peer.flight).toBe(1000);
  });

  it("also where that packet does not fill the window", () => {
    const { peer, user } = established();
    // Chunks of 616 bytes: two do not fit into a packet.
    user.sends(600, 600, 600);
    peer.skips();
    peer.getsAfter(1000, data(1));
    user.sends(600);
    peer.getsNothing();
    peer.sends(sack(1));
    // cwnd was 1000, and not full.
    peer.gets(data(2), data(3));
  });

  it("a second time-out leaves ssthresh at its floor", () => {
    const { peer } = full(16);
    peer.getsAfter(1000, data(1));
    peer.getsAfter(2000, data(1));
    expect(peer.path()).toMatchObject({ windowBytes: 1000, slowStartThresholdBytes: 4000 });
  });

  it("partial_bytes_acked is 0 again", () => {
    const { peer } = avoiding(20);
    peer.sends(sack(4));
    // 4000 so far. The time-out of TSN 5 sets it to 0 and ssthresh to 4000.
    peer.skips(1000);
    peer.sends(sack(5));
    // 2000 by slow start, from one packet.
    expect(peer.cwnd).toBe(2000);
  });
});

describe("7.2.1 decay of an idle path", () => {
  /** A window of 16 packets, all acknowledged, and nothing sent for `idleMs`; then one packet. */
  function afterIdle(idleMs: number): Script {
    const script = full(16);
    const { peer, user } = script;
    peer.sends(sack(16));
    // 17,000: the window was full.
    peer.skips(idleMs);
    user.sends(FULL);
    peer.skips();
    return script;
  }

  it("there is none within one RTO", () => {
    expect(afterIdle(900).peer.cwnd).toBe(17_000);
  });

  it("halves the window for each RTO", () => {
    expect(afterIdle(1500).peer.cwnd).toBe(8500);
  });

  it("ends at four packets", () => {
    expect(afterIdle(2500).peer.cwnd).toBe(4250);
    expect(afterIdle(3500).peer.cwnd).toBe(4000);
    expect(afterIdle(1e6).peer.cwnd).toBe(4000);
  });

  it("ssthresh remembers the window from before", () => {
    expect(afterIdle(1500).peer.path().slowStartThresholdBytes).toBe(17_000);
    expect(afterIdle(10_000).peer.path().slowStartThresholdBytes).toBe(17_000);
  });

  it("the window that was sent before does not burst out after a pause", () => {
    const { peer, user } = full(16);
    peer.sends(sack(16));
    peer.skips(1e6);
    user.sends(...Array.from({ length: 30 }, () => FULL));
    expect(peer.skips()).toHaveLength(4);
  });
});

describe("7.2 each path has a window of its own", () => {
  const twoPaths = { peerAddresses: [PEER, PEER_TOO] };

  it("what is acknowledged counts for the path that carried it", () => {
    const { peer } = sending(4, twoPaths);
    peer.sends(sack(4));
    expect(peer.path(PEER).windowBytes).toBe(5000);
    expect(peer.path(PEER_TOO).windowBytes).toBe(4000);
  });

  it("6.4 a retransmission on the other path counts there, and no longer here", () => {
    const { peer } = sending(1, twoPaths);
    expect(peer.path(PEER).flightBytes).toBe(1000);
    peer.getsAfter(1000, to(PEER_TOO, data(1)));
    expect(peer.path(PEER).flightBytes).toBe(0);
    expect(peer.path(PEER_TOO).flightBytes).toBe(1000);
  });

  it("loss on one path leaves the window of the other alone", () => {
    const { peer } = sending(4, twoPaths);
    peer.skips(1000);
    expect(peer.path(PEER).windowBytes).toBe(1000);
    expect(peer.path(PEER_TOO).windowBytes).toBe(4000);
  });
});

describe("7.2.5 a path that is another one now", () => {
  it("congestion control begins anew where packets leave from another address of ours", () => {
    const { peer } = full(16, { localAddresses: [US, US_TOO] });
    peer.endpoint.useOtherAddresses(true);
    const packets = peer.skips(1000);
    expect(packets.map(({ from }) => from)).toEqual([US_TOO]);
    expect(peer.path().windowBytes).toBe(4000);
    expect(peer.path().slowStartThresholdBytes).toBeGreaterThanOrEqual(10_000_000);
  });

  it("and so it does where they leave from there because the peer sent to that address", () => {
    const { peer, user } = full(16, { localAddresses: [US, US_TOO] });
    peer.sends(sack(16));
    expect(peer.cwnd).toBe(17_000);
    peer.sendsPacket({ to: US_TOO, chunks: [data(1)] });
    expect(peer.cwnd).toBe(4000);
    user.sends(100);
    peer.skips();
    // And no more than once.
    peer.sendsPacket({ to: US_TOO, chunks: [sack(17)] });
    user.sends(FULL, FULL, FULL, FULL);
    expect(peer.skips().map(({ from }) => from)).toEqual([US_TOO, US_TOO, US_TOO, US_TOO]);
    peer.sendsPacket({ to: US_TOO, chunks: [sack(18)] });
    expect(peer.cwnd).toBe(5000);
  });

  it("but not where the peer only probes that address, for its path MTU too (RFC 8899)", () => {
    const { peer, user } = full(16, { localAddresses: [US, US_TOO] });
    peer.sends(sack(16));
    peer.skips();
    const probe = { type: "HEARTBEAT", info: new Uint8Array(16) } as const;
    for (const chunks of [[probe], [probe, { type: "PAD", padding: new Uint8Array(1000) } as const]]) {
      peer.sendsPacket({ to: US_TOO, chunks });
      expect(peer.cwnd).toBe(17_000);
    }
    peer.skips();
    user.sends(FULL);
    expect(peer.skips().map(({ from }) => from)).toEqual([US]);
  });

  it("but not where the peer brings us back to the address where T3 expired before another one was used (7.2.3)", () => {
    const { peer, user } = full(4, { localAddresses: [US, US_TOO], peerAddresses: [PEER, PEER_TOO] });
    peer.endpoint.useOtherAddresses(true);
    expect(peer.skips(1000).map(({ to }) => to)).toEqual([PEER_TOO]);
    peer.sendsPacket({ to: US, chunks: [data(1)] });
    expect(peer.path(PEER).windowBytes).toBe(1000);
    peer.sendsPacket({ from: PEER_TOO, chunks: [sack(4)] });
    peer.skips();
    user.sends(500, 400, FULL, FULL);
    expect(peer.skips().map(({ to }) => to)).toEqual([PEER]);
  });
});
