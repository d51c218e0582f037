import { describe, expect, it } from "vitest";
import { FULL, established, full, sending } from "./kit.ts";
import type { Peer } from "./kit.ts";
import { cookieEcho, data, sack } from "./sketches.ts";

/** TSNs of the DATA chunks in what came, packet by packet. */
const tsns = (peer: Peer, ms = 0): number[][] =>
  peer
    .skips(ms)
    .map(({ chunks }) => chunks.filter(({ type }) => type === "DATA").map(({ tsn }) => Number(tsn)))
    .filter((each) => each.length > 0);

describe("6.1 rule A, the peer's window", () => {
  it("no new DATA goes out that the window of INIT would not hold", () => {
    // Three packets of 984 bytes leave 548 (or 500, where headers are counted) of 3500 bytes.
    const { peer, user } = established({ peerWindow: 3500 });
    user.sends(FULL, FULL, FULL, FULL);
    peer.gets(data(1), data(2), data(3));
  });

  it("the window of a SACK is what it says less what is still outstanding", () => {
    const { peer, user } = sending(4);
    user.sends(FULL, FULL, FULL);
    peer.getsNothing();
    // Outstanding after this: TSN 3 and 4. 3500 - 1968 (or 2000) hold one packet more, and no second.
    peer.sends(sack(2, { advertisedWindow: 3500 }));
    peer.gets(data(5));
  });

  it("what gap blocks acknowledge is not outstanding", () => {
    const { peer, user } = sending(4);
    user.sends(FULL, FULL, FULL, FULL);
    // Outstanding: TSN 1 only. 3500 - 984 hold two more.
    peer.sends(sack(0, { gaps: [[2, 4]], advertisedWindow: 3500 }));
    peer.gets(data(5), data(6));
  });

  it("a chunk that is marked for retransmission is no longer outstanding", () => {
    const { peer, user } = sending(2, { peerWindow: 2500 });
    user.sends(FULL);
    peer.getsAfter(1000, data(1));
    // TSN 2 is marked and TSN 1 out: the SACK leaves TSN 2 outstanding, and 2500 hold it and TSN 3.
    peer.sends(sack(1, { advertisedWindow: 2500 }));
    expect(tsns(peer).flat()).toEqual([2, 3]);
  });

  it("a closed window stops new DATA, and a SACK that opens it lets it go on", () => {
    const { peer, user } = sending(2);
    peer.sends(sack(2, { advertisedWindow: 0 }));
    user.sends(FULL);
    peer.getsNothingFor(500);
    peer.sends(sack(2, { advertisedWindow: 10_000 }));
    peer.gets(data(3));
  });

  it("a closed window does not stop retransmission", () => {
    const { peer } = sending(2);
    peer.sends(sack(0, { advertisedWindow: 0 }));
    peer.getsAfter(1000, data(1));
  });
});

describe("6.1 zero window probes", () => {
  it("the first goes out one RTO after the window was seen to be closed", () => {
    const { peer, user } = sending(2);
    user.sends(FULL);
    peer.skips();
    peer.sends(sack(3, { advertisedWindow: 0 }));
    user.sends(FULL);
    peer.getsAfter(1000, data(4));
  });

  it("a window that is too small for the next message is a closed one", () => {
    const { peer, user } = sending(2);
    peer.sends(sack(2, { advertisedWindow: 500 }));
    user.sends(FULL);
    peer.getsAfter(1000, data(3));
  });

  it("a window that holds the next message is open, however small", () => {
    const { peer, user } = sending(2);
    peer.sends(sack(2, { advertisedWindow: 500 }));
    user.sends(400);
    peer.gets(data(3));
  });

  it("is not sent while anything is outstanding", () => {
    const { peer, user } = sending(2);
    user.sends(FULL);
    peer.skips();
    peer.sends(sack(1, { advertisedWindow: 0 }));
    peer.getsNothing();
    // Only what is outstanding comes again.
    expect(tsns(peer, 1000)).toEqual([[2]]);
  });

  it("is one DATA chunk, and nothing else goes with it", () => {
    const { peer, user } = sending(2);
    peer.sends(sack(2, { advertisedWindow: 0 }));
    user.sends(100, 100, 100);
    const probe = peer.next(5000)?.chunks;
    expect(probe).toMatchObject([data(3)]);
  });

  it("the interval grows exponentially", () => {
    const { peer, user } = sending(2);
    peer.sends(sack(2, { advertisedWindow: 0 }));
    user.sends(FULL);
    const waits = Array.from({ length: 5 }, () => {
      const probe = peer.next(100_000);
      expect(probe?.chunks).toMatchObject([data(3)]);
      peer.sends(sack(2, { advertisedWindow: 0 }));
      return probe?.afterMs ?? 0;
    });
    expect(waits[0]).toBe(1000);
    expect(waits[3]).toBe(2 * waits[2]!);
    expect(waits[4]).toBe(2 * waits[3]!);
  });

  it("the interval grows also where each probe is taken in and the window stays closed", () => {
    const { peer, user } = sending(2);
    peer.sends(sack(2, { advertisedWindow: 0 }));
    user.sends(FULL, FULL, FULL, FULL);
    for (const [tsn, waitMs] of [
      [3, 1000],
      [4, 2000],
      [5, 4000],
      [6, 8000],
    ] as const) {
      peer.getsAfter(waitMs, data(tsn));
      peer.sends(sack(tsn, { advertisedWindow: 0 }));
    }
  });

  it("that are answered count no error, however long the window stays closed", () => {
    const { peer, user } = sending(2);
    peer.sends(sack(2, { advertisedWindow: 0 }));
    user.sends(FULL);
    for (let probe = 0; probe < 30; probe += 1) {
      expect(peer.next(100_000)?.chunks).toMatchObject([data(3)]);
      peer.sends(sack(2, { advertisedWindow: 0 }));
      expect(peer.path().errorCount).toBe(0);
    }
    expect(user.state).toBe("established");
  });

  it("that nobody answers end the association", () => {
    const { peer, user } = sending(2, { parameters: { associationMaxRetrans: 4 } });
    peer.sends(sack(2, { advertisedWindow: 0 }));
    user.sends(FULL);
    peer.skips(200_000);
    expect(user.state).toBe("closed");
  });

  it("that is taken in opens the way", () => {
    const { peer, user } = sending(2);
    peer.sends(sack(2, { advertisedWindow: 0 }));
    user.sends(FULL, FULL);
    expect(peer.next(2000)?.chunks).toMatchObject([data(3)]);
    peer.sends(sack(3, { advertisedWindow: 10_000 }));
    peer.gets(data(4));
  });

  it("7.2.1 do not collapse the congestion window", () => {
    const { peer, user } = sending(2);
    peer.sends(sack(2, { advertisedWindow: 0 }));
    const before = peer.cwnd;
    user.sends(FULL);
    for (let probe = 0; probe < 3; probe += 1) {
      peer.next(100_000);
      peer.sends(sack(2, { advertisedWindow: 0 }));
    }
    // Idle decay may have lowered it, but not below its floor.
    expect(peer.cwnd).toBeGreaterThanOrEqual(Math.min(before, 4000));
  });
});

describe("6.1 silly window avoidance of the sender", () => {
  it("a large message is not cut to the little that the peer's window leaves", () => {
    const { peer, user } = sending(3, { peerWindow: 3500 });
    user.sends(FULL);
    peer.getsNothing();
    peer.sends(sack(3, { advertisedWindow: 10_000 }));
    peer.gets(data(4, { size: FULL }));
  });

  it("nor is a message that needs fragments anyway", () => {
    const { peer, user } = sending(3, { peerWindow: 3500 });
    user.sends(2 * FULL);
    peer.getsNothing();
    peer.sends(sack(3, { advertisedWindow: 10_000 }));
    peer.gets(data(4, { size: FULL, beginning: true }), data(5, { size: FULL, ending: true }));
  });

  it("Nagle: small messages wait for the acknowledgement of what is out, then go together", () => {
    const { peer, user } = established({ parameters: { noDelay: false } });
    user.sends(100);
    peer.gets(data(1));
    user.sends(100);
    user.sends(100);
    peer.getsNothing();
    peer.sends(sack(1));
    peer.gets([data(2), data(3)]);
  });

  it("Nagle does not hold back what fills a packet", () => {
    const { peer, user } = established({ parameters: { noDelay: false } });
    user.sends(100);
    peer.gets(data(1));
    user.sends(FULL);
    peer.gets(data(2));
  });

  it("without Nagle a small message goes at once", () => {
    const { peer, user } = established({ parameters: { noDelay: true } });
    user.sends(100);
    peer.gets(data(1));
    user.sends(100);
    peer.gets(data(2));
  });
});

describe("6.1 rule B, the congestion window", () => {
  it("lets as much out as it holds", () => {
    const { peer, user } = established();
    user.sends(FULL, FULL, FULL, FULL, FULL);
    peer.gets(data(1), data(2), data(3), data(4));
  });

  it("may be exceeded by less than one packet when it is not full", () => {
    // PMDCS 1460: the initial window is 4404. After three packets 4380 bytes are out: one more may go.
    const { peer, user } = established({ parameters: { packetSizeBytes: 1472, maxBurst: 100 } });
    user.sends(1444, 1444, 1444, 1444, 1444);
    peer.gets(data(1), data(2), data(3), data(4));
  });

  it("is exceeded by one packet only", () => {
    const { peer, user } = established({ parameters: { maxBurst: 100 } });
    user.sends(...Array.from({ length: 60 }, () => 84));
    const packets = tsns(peer);
    // Ten chunks of 100 bytes with their headers fill a packet; 40 of them the window.
    expect(packets.flat()).toHaveLength(40);
    expect(packets).toHaveLength(4);
  });

  it("the size of a chunk counts with its header and padding", () => {
    // 85 bytes make a chunk of 104 with header and padding: 39 of them are 4056 bytes.
    const { peer, user } = established({ parameters: { maxBurst: 100 } });
    user.sends(...Array.from({ length: 60 }, () => 85));
    expect(tsns(peer).flat()).toHaveLength(39);
  });

  it("opens with what is acknowledged", () => {
    const { peer, user } = sending(4);
    user.sends(FULL, FULL, FULL, FULL);
    // Full when the SACK came: 5000 now, with 2000 out.
    peer.sends(sack(2));
    peer.gets(data(5), data(6), data(7));
  });
});

describe("6.1 rule C, retransmissions come first", () => {
  it("what is marked goes out before new DATA", () => {
    const { peer, user } = sending(4);
    user.sends(FULL, FULL);
    peer.getsAfter(1000, data(1));
    // cwnd was 1000 and full: 2000 now. TSN 2 and 3 before 5.
    peer.sends(sack(1));
    peer.gets(data(2), data(3));
  });

  it("new DATA fills what retransmissions leave of the window", () => {
    const { peer, user } = sending(2);
    user.sends(FULL, FULL);
    peer.gets(data(3), data(4));
    peer.getsAfter(1000, data(1));
    peer.sends(sack(4));
    user.sends(FULL);
    peer.gets(data(5));
  });
});

describe("6.1 rule D, Max.Burst", () => {
  it("limits the packets of new DATA that one event lets out", () => {
    const { peer, user } = full(16, { parameters: { maxBurst: 4 } });
    user.sends(...Array.from({ length: 20 }, () => FULL));
    peer.getsNothing();
    peer.sends(sack(16));
    peer.gets(data(17), data(18), data(19), data(20));
  });

  it("a repeated COOKIE ECHO with a chunk behind it is one event", () => {
    const { peer, user } = full(16, { parameters: { maxBurst: 4 } });
    user.sends(...Array.from({ length: 20 }, () => FULL));
    peer.sends(cookieEcho(), sack(16));
    expect(tsns(peer).flat()).toEqual([17, 18, 19, 20]);
  });

  it("does not lower the congestion window for good", () => {
    const { peer, user } = full(16, { parameters: { maxBurst: 4 } });
    user.sends(...Array.from({ length: 20 }, () => FULL));
    peer.sends(sack(16));
    peer.skips();
    expect(peer.cwnd).toBe(17_000);
    peer.sends(sack(17));
    expect(tsns(peer)).toHaveLength(4);
  });
});

describe("6.1 TSNs", () => {
  it("3.3.1 are strictly sequential, over all streams", () => {
    const { peer, user } = established();
    user.sends(
      { streamId: 3, size: 10 },
      { streamId: 1, size: 10 },
      { streamId: 3, size: 10, unordered: true },
    );
    expect(tsns(peer).flat()).toEqual([1, 2, 3]);
  });

  it("1.6 wrap to 0 after 2^32 - 1", () => {
    const { peer, user } = established({ uint32: 0xfffffffe });
    expect(peer.theirInitialTsn).toBe(0xfffffffe);
    user.sends(FULL, FULL, FULL, FULL);
    expect(tsns(peer).flat(), "as counted from the first one").toEqual([1, 2, 3, 4]);
    peer.sends(sack(1, { gaps: [[3, 4]] }));
    peer.getsAfter(1000, data(2));
    peer.sends(sack(4));
    peer.getsNothingFor(100_000);
  });

  it("no stream has more than 2^16 - 1 ordered messages out", () => {
    // 1400 packets of 50 chunks each would be 70,000 messages.
    const { peer, user } = full(1400);
    peer.sends(sack(1400));
    user.sends(...Array.from({ length: 70_000 }, () => 4));
    expect(tsns(peer).flat()).toHaveLength(65_535);
    peer.sends(sack(1401));
    expect(tsns(peer).flat()).toHaveLength(1);
  });
});
