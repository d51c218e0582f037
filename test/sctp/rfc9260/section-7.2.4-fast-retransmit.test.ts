import { describe, expect, it } from "vitest";
import { FULL, PEER, PEER_TOO, established, full, sending } from "./kit.ts";
import type { Script } from "./kit.ts";
import { data, sack, to } from "./sketches.ts";

/**
 * TSN 1 of a window of 16 packets is acknowledged (cwnd 17,000; 15 packets are out, so that nothing of what
 * follows finds the window full), TSN 2 is lost, and 3, 4 and 5 were reported one by one: fast recovery.
 */
function recovering(): Script {
  const script = full(16);
  const { peer } = script;
  peer.sends(sack(1));
  peer.sends(sack(1, { gaps: [[3, 3]] }));
  peer.sends(sack(1, { gaps: [[3, 4]] }));
  peer.getsNothing();
  peer.sends(sack(1, { gaps: [[3, 5]] }));
  peer.gets(data(2));
  return script;
}

describe("7.2.4 missing reports", () => {
  it("the third one sends the chunk again at once", () => {
    recovering();
  });

  it("two are not enough", () => {
    const { peer } = sending(3);
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.sends(sack(0, { gaps: [[2, 3]] }));
    peer.getsNothing();
    peer.getsAfter(1000, data(1));
  });

  it("a SACK that newly acknowledges nothing is no report", () => {
    const { peer } = full(8);
    for (let round = 0; round < 10; round += 1) peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.getsNothing();
  });

  it("one SACK with many blocks is one report", () => {
    const { peer } = full(16);
    peer.sends(
      sack(0, {
        gaps: [
          [2, 2],
          [4, 4],
          [6, 6],
          [8, 8],
        ],
      }),
    );
    peer.getsNothing();
  });

  it("HTNA: only what lies before the highest TSN newly acknowledged is missing", () => {
    const { peer } = full(16);
    peer.sends(sack(1));
    // TSN 2 and 8 are missing; 12 is there: one report for both.
    peer.sends(sack(1, { gaps: [[12, 12]] }));
    // These newly acknowledge 3 and 4: reports for 2 only, although 8 is below 12.
    peer.sends(
      sack(1, {
        gaps: [
          [3, 3],
          [12, 12],
        ],
      }),
    );
    peer.sends(
      sack(1, {
        gaps: [
          [3, 4],
          [12, 12],
        ],
      }),
    );
    peer.gets(data(2));
    // The highest outstanding TSN was 16: recovery goes on, and without progress HTNA counts: 8 has one report.
    peer.sends(
      sack(1, {
        gaps: [
          [3, 5],
          [12, 12],
        ],
      }),
    );
    peer.sends(
      sack(1, {
        gaps: [
          [3, 6],
          [12, 12],
        ],
      }),
    );
    peer.getsNothing();
  });

  it("in fast recovery with progress, all that a SACK leaves out is missing", () => {
    const { peer } = recovering();
    // TSN 7 and 10 are missing as well. 11 newly: one report for 7 and 10.
    peer.sends(
      sack(1, {
        gaps: [
          [3, 6],
          [8, 9],
          [11, 11],
        ],
      }),
    );
    // TSN 2 arrived: cumulative 6. Newly acknowledged is TSN 2 only, yet 7 and 10 are reported a second time.
    peer.sends(
      sack(6, {
        gaps: [
          [8, 9],
          [11, 11],
        ],
      }),
    );
    peer.getsNothing();
    // The third report, of the ordinary kind.
    peer.sends(
      sack(6, {
        gaps: [
          [8, 9],
          [11, 12],
        ],
      }),
    );
    const again = peer.skips().flatMap(({ chunks }) => chunks.map(({ tsn }) => tsn));
    expect(again).toEqual([7, 10]);
  });

  it("reports need not follow each other without a break", () => {
    const { peer } = full(8);
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.sends(sack(0, { gaps: [[2, 3]] }));
    peer.sends(sack(0, { gaps: [[2, 3]] }));
    peer.sends(sack(0, { gaps: [[2, 4]] }));
    peer.gets(data(1));
  });

  it("they count for each chunk by itself", () => {
    const { peer } = full(16);
    peer.sends(sack(1));
    // TSN 2: three reports by 3, 5, 6. TSN 4: two, by 5 and 6.
    peer.sends(sack(1, { gaps: [[3, 3]] }));
    peer.sends(
      sack(1, {
        gaps: [
          [3, 3],
          [5, 5],
        ],
      }),
    );
    peer.sends(
      sack(1, {
        gaps: [
          [3, 3],
          [5, 6],
        ],
      }),
    );
    peer.gets(data(2));
    // In recovery the window counts: TSN 2 and 11 to 16 are out, 7000 of 8500.
    peer.sends(
      sack(1, {
        gaps: [
          [3, 3],
          [5, 10],
        ],
      }),
    );
    expect(peer.skips().flatMap(({ chunks }) => chunks)).toMatchObject([data(4)]);
  });
});

describe("7.2.4 the retransmission", () => {
  it("3: ignores the congestion window", () => {
    const { peer, user } = sending(4);
    user.sends(FULL, FULL, FULL, FULL, FULL, FULL);
    // Whatever the window is after this, it is full with new DATA.
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.sends(sack(0, { gaps: [[2, 3]] }));
    peer.skips();
    peer.sends(sack(0, { gaps: [[2, 4]] }));
    expect(peer.skips()[0]?.chunks).toMatchObject([data(1)]);
  });

  it("3: bundles what has three reports and fits into one packet", () => {
    const { peer, user } = established({ parameters: { maxBurst: 1000 } });
    // Chunks of 200 bytes: 20 fill the window.
    user.sends(...Array.from({ length: 20 }, () => 184));
    peer.skips();
    peer.sends(sack(1, { gaps: [[5, 5]] }));
    peer.sends(sack(1, { gaps: [[5, 6]] }));
    peer.sends(sack(1, { gaps: [[5, 7]] }));
    peer.gets([data(2), data(3), data(4)]);
  });

  it("3: is one packet; the rest goes when the window allows", () => {
    const { peer } = full(16);
    peer.sends(sack(1));
    // Ten packets are out after this: 10,000 of 8500 after the cut.
    for (const last of [5, 6, 7]) peer.sends(sack(1, { gaps: [[5, last]] }));
    // TSN 2, 3 and 4 are marked: out are 8 to 16, 9000. One packet goes, in spite of cwnd 8500.
    peer.gets(data(2));
    // 8, 9 and 10 arrive: 6000 and the retransmission are out, so two more fit below 8500.
    peer.sends(sack(1, { gaps: [[5, 10]] }));
    expect(peer.skips().flatMap(({ chunks }) => chunks.map(({ tsn }) => tsn))).toEqual([3, 4]);
  });

  it("5: a chunk is fast retransmitted once; after that T3 has to", () => {
    const { peer } = recovering();
    for (let last = 6; last <= 16; last += 1) {
      peer.sends(sack(1, { gaps: [[3, last]] }));
      peer.getsNothing();
    }
    peer.getsAfter(1000, data(2));
  });

  it("5: what was marked and did not fit is not fast retransmitted twice either", () => {
    const { peer } = full(16);
    peer.sends(sack(1));
    for (const last of [5, 6, 7]) peer.sends(sack(1, { gaps: [[5, last]] }));
    for (let last = 8; last <= 16; last += 1) peer.sends(sack(1, { gaps: [[5, last]] }));
    const sent = peer.skips().flatMap(({ chunks }) => chunks.map(({ tsn }) => tsn));
    expect(sent).toEqual([2, 3, 4]);
  });

  it("4: restarts T3 where it sends the first outstanding chunk again", () => {
    const { peer } = full(8);
    peer.getsNothingFor(600);
    for (const last of [2, 3, 4]) peer.sends(sack(0, { gaps: [[2, last]] }));
    peer.gets(data(1));
    const { rtoMs } = peer.path();
    const again = peer.next(10_000);
    expect(again?.chunks).toMatchObject([data(1)]);
    expect(again?.afterMs).toBe(rtoMs);
  });

  it("4: leaves T3 alone where it sends a later chunk again", () => {
    const { peer } = full(16);
    peer.getsNothingFor(600);
    // TSN 1 is missing too, but was retransmitted once already and comes no more.
    for (const last of [2, 3, 4]) peer.sends(sack(0, { gaps: [[2, last]] }));
    peer.gets(data(1));
    const { rtoMs } = peer.path();
    peer.getsNothingFor(300);
    // TSN 5 follows in recovery as far as the window allows: 1, 15 and 16 are out, 3000 of 8000.
    for (const last of [10, 12, 14])
      peer.sends(
        sack(0, {
          gaps: [
            [2, 4],
            [6, last],
          ],
        }),
      );
    peer.gets(data(5));
    const again = peer.next(10_000);
    expect(again?.chunks).toMatchObject([data(1)]);
    expect(again?.afterMs).toBe(rtoMs - 300);
  });

  it("C5: measures no round trip", () => {
    const { peer } = recovering();
    const { smoothedRttMs } = peer.path();
    peer.getsNothingFor(700);
    peer.sends(sack(16));
    expect(peer.path().smoothedRttMs).toBe(smoothedRttMs);
  });

  it("6.4 goes there also when the primary path is back meanwhile", () => {
    const { peer, user } = established({
      peerAddresses: [PEER, PEER_TOO],
      parameters: { pathMaxRetrans: 0, potentiallyFailedMaxRetrans: 0 },
    });
    // One time-out makes the primary path inactive: TSN 2 to 5 go to the other one.
    user.sends(FULL);
    peer.skips(1000);
    peer.sendsFrom(PEER_TOO, sack(1));
    user.sends(FULL, FULL, FULL, FULL);
    peer.gets(...[2, 3, 4, 5].map((tsn) => to(PEER_TOO, data(tsn))));
    peer.step(() => peer.endpoint.requestHeartbeat(peer.handle, PEER, peer.nowMs));
    peer.answersHeartbeats();
    expect(peer.path(PEER).reachability).toBe("active");
    for (const last of [3, 4, 5]) peer.sendsFrom(PEER_TOO, sack(1, { gaps: [[3, last]] }));
    peer.gets(to(PEER_TOO, data(2)));
  });

  it("6.4 goes to where the chunk was sent before", () => {
    const { peer } = sending(4, { peerAddresses: [PEER, PEER_TOO] });
    for (const last of [2, 3, 4]) peer.sends(sack(0, { gaps: [[2, last]] }));
    peer.gets(to(PEER, data(1)));
  });
});

describe("7.2.3 and 7.2.4 fast recovery", () => {
  it("2: halves the window once", () => {
    const { peer } = recovering();
    expect(peer.path()).toMatchObject({ windowBytes: 8500, slowStartThresholdBytes: 8500 });
  });

  it("2: leaves at least four packets", () => {
    const { peer } = sending(4);
    for (const last of [2, 3, 4]) peer.sends(sack(0, { gaps: [[2, last]] }));
    peer.gets(data(1));
    expect(peer.path()).toMatchObject({ windowBytes: 4000, slowStartThresholdBytes: 4000 });
  });

  it("6: another loss in the same window does not halve it again", () => {
    const { peer } = recovering();
    for (const last of [8, 9, 10])
      peer.sends(
        sack(1, {
          gaps: [
            [3, 6],
            [8, last],
          ],
        }),
      );
    expect(peer.skips().flatMap(({ chunks }) => chunks)).toMatchObject([data(7)]);
    expect(peer.path()).toMatchObject({ windowBytes: 8500, slowStartThresholdBytes: 8500 });
  });

  it("7.2.1 the window does not grow meanwhile", () => {
    const { peer, user } = recovering();
    user.sends(...Array.from({ length: 40 }, () => FULL));
    for (let last = 6; last <= 16; last += 1) {
      peer.sends(sack(1, { gaps: [[3, last]] }));
      expect(peer.cwnd).toBe(8500);
    }
    // Partial progress that does not reach TSN 16.
    peer.sends(sack(15));
    expect(peer.cwnd).toBe(8500);
  });

  it("new DATA goes out as far as the halved window allows", () => {
    const { peer, user } = recovering();
    user.sends(...Array.from({ length: 10 }, () => FULL));
    // Out are TSN 2 and 6 to 16: 12,000 of 8500.
    peer.getsNothing();
    peer.sends(sack(1, { gaps: [[3, 8]] }));
    peer.getsNothing();
    // 8000 out of 8500: one packet.
    peer.sends(sack(1, { gaps: [[3, 9]] }));
    peer.gets(data(17));
  });

  it("6: ends when everything up to the exit point is acknowledged", () => {
    const { peer, user } = recovering();
    user.sends(...Array.from({ length: 30 }, () => FULL));
    peer.sends(sack(16));
    peer.skips();
    const before = peer.cwnd;
    for (let tsn = 17; tsn <= 30; tsn += 1) peer.sends(sack(tsn));
    expect(peer.cwnd).toBeGreaterThan(before);
  });

  it("6: does not end one TSN before the exit point", () => {
    const { peer, user } = recovering();
    user.sends(...Array.from({ length: 30 }, () => FULL));
    peer.sends(sack(15));
    peer.skips();
    peer.sends(sack(15, { gaps: [[17, 18]] }));
    expect(peer.cwnd).toBe(8500);
  });

  it("a loss after that halves the window again", () => {
    const { peer, user } = recovering();
    user.sends(...Array.from({ length: 30 }, () => FULL));
    peer.sends(sack(16));
    peer.skips();
    const before = peer.cwnd;
    for (const last of [18, 19, 20]) peer.sends(sack(16, { gaps: [[18, last]] }));
    expect(peer.skips().flatMap(({ chunks }) => chunks.map(({ tsn }) => tsn))).toContain(17);
    // Half of what it was, where it may have grown by one packet for the first SACK; at least four packets.
    expect(peer.cwnd).toBeGreaterThanOrEqual(Math.max(before / 2, 4000));
    expect(peer.cwnd).toBeLessThanOrEqual(Math.max((before + 1000) / 2, 4000));
  });

  it("the note: what a SACK acknowledges counts for growth before the window is halved", () => {
    const { peer, user } = full(16);
    user.sends(...Array.from({ length: 30 }, () => FULL));
    peer.sends(sack(1));
    // TSN 2 is late and 3 is lost: two reports each.
    peer.sends(sack(1, { gaps: [[4, 4]] }));
    peer.sends(sack(1, { gaps: [[4, 5]] }));
    peer.skips();
    const before = peer.cwnd;
    // The third for TSN 3, with progress: the window, which was full, grows by one packet and is halved then.
    peer.sends(sack(2, { gaps: [[4, 6]] }));
    expect(peer.skips()[0]?.chunks).toMatchObject([data(3)]);
    expect(peer.cwnd).toBe((before + 1000) / 2);
  });

  it("6: is one for all paths: another path neither grows nor is halved meanwhile", () => {
    const { peer, user } = sending(4, { peerAddresses: [PEER, PEER_TOO] });
    peer.endpoint.setPrimary(peer.handle, PEER_TOO);
    user.sends(FULL, FULL, FULL, FULL);
    peer.gets(...[5, 6, 7, 8].map((tsn) => to(PEER_TOO, data(tsn))));
    for (const last of [2, 3, 4]) peer.sends(sack(0, { gaps: [[2, last]] }));
    peer.gets(to(PEER, data(1)));
    const before = peer.path(PEER_TOO);
    // The window of that path is full, and TSN 5 to 8 are behind the loss and before the exit point.
    for (const last of [6, 7, 8]) {
      peer.sends(
        sack(0, {
          gaps: [
            [2, 4],
            [6, last],
          ],
        }),
      );
    }
    peer.gets(to(PEER_TOO, data(5)));
    const { windowBytes, slowStartThresholdBytes } = before;
    expect(peer.path(PEER_TOO)).toMatchObject({ windowBytes, slowStartThresholdBytes });
    peer.sends(sack(8));
    user.sends(FULL, FULL, FULL, FULL);
    peer.gets(...[9, 10, 11, 12].map((tsn) => to(PEER_TOO, data(tsn))));
    peer.sends(sack(9));
    expect(peer.path(PEER_TOO).windowBytes).toBe(windowBytes + 1000);
  });

  it("T3 during recovery ends it and collapses the window", () => {
    const { peer } = recovering();
    peer.getsAfter(1000, data(2));
    expect(peer.path()).toMatchObject({ windowBytes: 1000, slowStartThresholdBytes: 4250 });
    peer.sends(sack(5));
    expect(peer.cwnd).toBe(2000);
  });
});
