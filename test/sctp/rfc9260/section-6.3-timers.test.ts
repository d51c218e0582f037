import { describe, expect, it } from "vitest";
import { FULL, PEER, PEER_TOO, established, full, sending } from "./kit.ts";
import { data, sack, to } from "./sketches.ts";

describe("6.3.1 the RTO", () => {
  it("C1: is RTO.Initial until something was measured", () => {
    const { peer } = sending(1, { parameters: { rtoInitialMs: 3000 } });
    peer.getsAfter(3000, data(1));
  });

  it("C2: the first measurement R makes it R + 4 * R/2", () => {
    const { peer, user } = sending(1);
    peer.getsNothingFor(500);
    peer.sends(sack(1));
    expect(peer.path().smoothedRttMs).toBe(500);
    user.sends(FULL);
    peer.gets(data(2));
    // 500 + 4 * 250
    peer.getsAfter(1500, data(2));
  });

  it("C3: the next ones are smoothed with 1/8 and 1/4", () => {
    const { peer, user } = sending(1);
    peer.getsNothingFor(500);
    peer.sends(sack(1));
    user.sends(FULL);
    peer.gets(data(2));
    peer.getsNothingFor(700);
    peer.sends(sack(2));
    // RTTVAR = 0.75 * 250 + 0.25 * |500 - 700| = 237.5, with the old SRTT; SRTT = 0.875 * 500 + 0.125 * 700 = 525.
    expect(peer.path().smoothedRttMs).toBe(525);
    user.sends(FULL);
    peer.gets(data(3));
    // 525 + 4 * 237.5
    peer.getsAfter(1475, data(3));
  });

  it("C3: a third measurement goes on from there", () => {
    const { peer, user } = sending(1);
    for (const [tsn, roundTripMs] of [
      [1, 500],
      [2, 700],
      [3, 300],
    ] as const) {
      peer.skips(roundTripMs);
      peer.sends(sack(tsn));
      user.sends(FULL);
      peer.gets(data(tsn + 1));
    }
    // RTTVAR = 0.75 * 237.5 + 0.25 * 225 = 234.375; SRTT = 0.875 * 525 + 0.125 * 300 = 496.875.
    expect(peer.path().smoothedRttMs).toBeCloseTo(496.875, 6);
    expect(peer.path().rtoMs).toBeCloseTo(1434.375, 6);
  });

  it("C4: one measurement a round trip, by the chunk that was sent first", () => {
    const { peer, user } = sending(1);
    peer.getsNothingFor(300);
    user.sends(FULL);
    peer.gets(data(2));
    peer.getsNothingFor(300);
    peer.sends(sack(2));
    // Only TSN 1 was timed: R = 600, RTO = 1800. With TSN 2 as well it would be 1762.5.
    expect(peer.path().smoothedRttMs).toBe(600);
    expect(peer.path().rtoMs).toBe(1800);
  });

  it("C4: a new measurement begins with the next chunk after that", () => {
    const { peer, user } = sending(1);
    peer.getsNothingFor(500);
    peer.sends(sack(1));
    user.sends(FULL);
    peer.gets(data(2));
    peer.getsNothingFor(500);
    peer.sends(sack(2));
    // RTTVAR = 0.75 * 250 = 187.5; SRTT stays.
    expect(peer.path().rtoMs).toBe(1250);
  });

  it("C4: a gap block ends a measurement as the cumulative TSN does", () => {
    const { peer, user } = sending(1);
    peer.getsNothingFor(400);
    peer.sends(sack(1));
    user.sends(FULL, FULL);
    peer.gets(data(2), data(3));
    peer.getsNothingFor(400);
    // TSN 2, which is timed, is missing; when it comes after all, 800 ms have gone: still one measurement.
    peer.sends(sack(1, { gaps: [[3, 3]] }));
    expect(peer.path().smoothedRttMs).toBe(400);
    peer.getsNothingFor(400);
    peer.sends(sack(3));
    expect(peer.path().smoothedRttMs).toBe(450);
  });

  it("C5 Karn: a chunk that was sent twice measures nothing", () => {
    const { peer, user } = sending(1);
    peer.getsAfter(1000, data(1));
    peer.getsNothingFor(100);
    peer.sends(sack(1));
    expect(peer.path().smoothedRttMs).toBeUndefined();
    user.sends(FULL);
    peer.gets(data(2));
    // Backed off and not measured since.
    peer.getsAfter(2000, data(2));
  });

  it("C5: nothing is measured by a chunk while a lower one was retransmitted in between", () => {
    const { peer, user } = established();
    for (let message = 0; message < 10; message += 1) user.sends(84);
    peer.skips(100);
    // TSN 1 was timed. TSN 2 is lost; TSN 11 is timed from here on.
    peer.sends(sack(1, { gaps: [[3, 3]] }));
    expect(peer.path().smoothedRttMs).toBe(100);
    user.sends(84);
    peer.gets(data(11));
    peer.sends(sack(1, { gaps: [[3, 4]] }));
    peer.sends(sack(1, { gaps: [[3, 5]] }));
    peer.gets(data(2));
    peer.skips(700);
    // It may have waited at the peer for TSN 2.
    peer.sends(sack(11));
    expect(peer.path().smoothedRttMs).toBe(100);
  });

  it("C6: is never less than RTO.Min", () => {
    const { peer, user } = sending(1);
    peer.getsNothingFor(10);
    peer.sends(sack(1));
    expect(peer.path().rtoMs).toBe(1000);
    user.sends(FULL);
    peer.gets(data(2));
    peer.getsAfter(1000, data(2));
  });

  it("C7: is never more than RTO.Max, however large what was measured", () => {
    const { peer } = sending(1, { parameters: { rtoInitialMs: 5000, rtoMaxMs: 6000 } });
    peer.getsNothingFor(4000);
    peer.sends(sack(1));
    expect(peer.path().rtoMs).toBe(6000);
  });

  it("G1: a round trip of no time leaves RTTVAR at the clock's granularity", () => {
    const { peer } = sending(1, { parameters: { rtoMinMs: 1 } });
    peer.sends(sack(1));
    expect(peer.path().rtoMs).toBeGreaterThan(1);
  });
});

describe("6.3.2 T3-rtx", () => {
  it("R1: starts with the first chunk, and later ones do not move it", () => {
    const { peer, user } = sending(1);
    peer.getsNothingFor(400);
    user.sends(FULL);
    peer.gets(data(2));
    peer.getsAfter(600, data(1));
  });

  it("R2: stops when everything is acknowledged", () => {
    const { peer } = sending(3);
    peer.getsNothingFor(999);
    peer.sends(sack(3));
    peer.getsNothingFor(100_000);
  });

  it("R2: does not stop while one chunk is out", () => {
    const { peer } = sending(2);
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.getsAfter(1000, data(1));
  });

  it("R3: restarts when the earliest chunk is acknowledged", () => {
    const { peer, user } = sending(1);
    peer.getsNothingFor(400);
    user.sends(FULL);
    peer.gets(data(2));
    peer.getsNothingFor(200);
    peer.sends(sack(1));
    // R = 600: RTO 1800, from now.
    peer.getsAfter(1800, data(2));
  });

  it("R3: does not restart when only later chunks are acknowledged", () => {
    const { peer } = sending(4);
    peer.getsNothingFor(600);
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.getsNothingFor(200);
    peer.sends(sack(0, { gaps: [[2, 3]] }));
    peer.getsAfter(200, data(1));
  });

  it("R3: a SACK that acknowledges nothing new does not restart it", () => {
    const { peer } = sending(2);
    for (let at = 0; at < 900; at += 100) {
      peer.sends(sack(0));
      peer.getsNothingFor(100);
    }
    peer.getsAfter(100, data(1));
  });

  it("R4: starts for what was reneged where it was not running", () => {
    const { peer } = sending(2);
    // All of it acknowledged but TSN 1, which comes again and is acknowledged with a hole behind it.
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.getsNothingFor(500);
    peer.sends(sack(1));
    // TSN 2 was reported and no longer is: R3 or R4, it runs from here. R = 500 by TSN 1: RTO 1500.
    peer.getsAfter(1500, data(2));
  });
});

describe("6.3.3 T3-rtx expires", () => {
  it("E1: ssthresh is half the window, and the window one packet", () => {
    const { peer } = full(16);
    peer.skips(1000);
    expect(peer.path()).toMatchObject({ slowStartThresholdBytes: 8000, windowBytes: 1000 });
  });

  it("E1: ssthresh is at least four packets", () => {
    const { peer } = sending(4);
    peer.skips(1000);
    expect(peer.path()).toMatchObject({ slowStartThresholdBytes: 4000, windowBytes: 1000 });
  });

  it("E2: the RTO doubles each time, up to RTO.Max", () => {
    const { peer } = sending(1, { parameters: { rtoMaxMs: 5000 } });
    for (const waitMs of [1000, 2000, 4000, 5000, 5000]) peer.getsAfter(waitMs, data(1));
  });

  it("E3: what fits into one packet is sent again, the earliest first", () => {
    const { peer, user } = established();
    // Chunks of 200 bytes: five in a packet.
    user.sends(...Array.from({ length: 8 }, () => 184));
    peer.skips();
    peer.getsAfter(1000, [data(1), data(2), data(3), data(4), data(5)]);
  });

  it("E3: one packet only, however many were out", () => {
    const { peer } = full(16);
    peer.getsAfter(1000, data(1));
    peer.getsNothingFor(1999);
  });

  it("E3: what did not fit follows as the window allows", () => {
    const { peer } = full(8);
    peer.getsAfter(1000, data(1));
    // cwnd 1000, full: 2000 after this.
    peer.sends(sack(1));
    peer.gets(data(2), data(3));
    // Both acknowledged, but the window grows by one packet a SACK: 3000.
    peer.sends(sack(3));
    peer.gets(data(4), data(5), data(6));
  });

  it("the same chunk comes again and again until it is acknowledged", () => {
    const { peer } = sending(2);
    peer.getsAfter(1000, data(1));
    peer.getsAfter(2000, data(1));
    peer.getsAfter(4000, data(1));
    peer.sends(sack(2));
    peer.getsNothingFor(100_000);
  });

  it("new DATA waits while what was lost is sent again", () => {
    const { peer, user } = sending(4);
    peer.getsAfter(1000, data(1));
    user.sends(FULL);
    peer.getsNothing();
  });

  it("a late acknowledgement of everything ends the retransmission", () => {
    const { peer } = full(8);
    peer.getsAfter(1000, data(1));
    peer.sends(sack(8));
    peer.getsNothingFor(100_000);
  });

  it("after a new measurement the RTO is no longer backed off", () => {
    const { peer, user } = sending(1);
    peer.getsAfter(1000, data(1));
    peer.sends(sack(1));
    expect(peer.path().rtoMs).toBe(2000);
    user.sends(FULL);
    peer.gets(data(2));
    peer.getsNothingFor(400);
    peer.sends(sack(2));
    // R = 400, the first measurement: 400 + 4 * 200.
    expect(peer.path().rtoMs).toBe(1200);
  });

  it("E4: the timer on the alternate path takes that path's RTO", () => {
    // The second path answered its HEARTBEAT at once, so that its RTO is RTO.Min.
    const { peer } = sending(1, { peerAddresses: [PEER, PEER_TOO], parameters: { rtoInitialMs: 3000 } });
    peer.getsAfter(3000, to(PEER_TOO, data(1)));
    peer.getsAfter(1000, to(PEER, data(1)));
    // RTO of the first path: doubled once by its own expiration.
    peer.getsAfter(6000, to(PEER_TOO, data(1)));
  });

  it("an expiration on one path leaves the other path's window and RTO alone", () => {
    const { peer } = sending(1, { peerAddresses: [PEER, PEER_TOO] });
    peer.getsAfter(1000, to(PEER_TOO, data(1)));
    expect(peer.path(PEER)).toMatchObject({ windowBytes: 1000, rtoMs: 2000 });
    expect(peer.path(PEER_TOO)).toMatchObject({ windowBytes: 4000, rtoMs: 1000 });
  });
});
