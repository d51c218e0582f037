import { describe, expect, it } from "vitest";
import { FULL, established, full, sending } from "./kit.ts";
import type { Peer } from "./kit.ts";
import { data, sack } from "./sketches.ts";

/** One SACK, what goes out for it (TSNs), and the congestion window and flight after that. */
function answers(
  peer: Peer,
  report: ReturnType<typeof sack>,
  then: { readonly sends: readonly number[]; readonly cwnd: number; readonly flight: number },
): void {
  peer.sends(report);
  const sends = peer.skips().flatMap(({ chunks }) => chunks.map(({ tsn }) => Number(tsn)));
  expect({ sends, cwnd: peer.cwnd, flight: peer.flight }).toEqual(then);
}

describe("7.2 whole stories of loss, packet by packet", () => {
  it("four packets in a row are lost: one fast recovery mends it", () => {
    const { peer } = full(16);
    answers(peer, sack(1), { sends: [], cwnd: 17_000, flight: 15_000 });
    // TSN 2 to 5 are lost.
    answers(peer, sack(1, { gaps: [[6, 6]] }), { sends: [], cwnd: 17_000, flight: 14_000 });
    answers(peer, sack(1, { gaps: [[6, 7]] }), { sends: [], cwnd: 17_000, flight: 13_000 });
    // Third report: four are marked, which leaves 9 to 16 in flight; one packet goes whatever cwnd is.
    answers(peer, sack(1, { gaps: [[6, 8]] }), { sends: [2], cwnd: 8500, flight: 9000 });
    // Each further report frees room for one.
    answers(peer, sack(1, { gaps: [[6, 9]] }), { sends: [3], cwnd: 8500, flight: 9000 });
    answers(peer, sack(1, { gaps: [[6, 10]] }), { sends: [4], cwnd: 8500, flight: 9000 });
    answers(peer, sack(1, { gaps: [[6, 11]] }), { sends: [5], cwnd: 8500, flight: 9000 });
    answers(peer, sack(1, { gaps: [[6, 16]] }), { sends: [], cwnd: 8500, flight: 4000 });
    answers(peer, sack(2, { gaps: [[6, 16]] }), { sends: [], cwnd: 8500, flight: 3000 });
    answers(peer, sack(16), { sends: [], cwnd: 8500, flight: 0 });
    peer.getsNothingFor(100_000);
  });

  it("a fast retransmission is lost, too: T3 mends it", () => {
    const { peer } = full(16);
    answers(peer, sack(1), { sends: [], cwnd: 17_000, flight: 15_000 });
    for (const last of [3, 4]) peer.sends(sack(1, { gaps: [[3, last]] }));
    answers(peer, sack(1, { gaps: [[3, 5]] }), { sends: [2], cwnd: 8500, flight: 12_000 });
    answers(peer, sack(1, { gaps: [[3, 16]] }), { sends: [], cwnd: 8500, flight: 1000 });
    peer.getsAfter(1000, data(2));
    expect(peer.path()).toMatchObject({ windowBytes: 1000, slowStartThresholdBytes: 4250, rtoMs: 2000 });
    answers(peer, sack(16), { sends: [], cwnd: 2000, flight: 0 });
  });

  it("the last packet is lost: nothing reports it, T3 mends it", () => {
    const { peer } = sending(3);
    peer.getsNothingFor(100);
    answers(peer, sack(2), { sends: [], cwnd: 4000, flight: 1000 });
    // R = 100: the RTO is RTO.Min, from the acknowledgement of TSN 2 on.
    peer.getsAfter(1000, data(3));
    expect(peer.path()).toMatchObject({ windowBytes: 1000, slowStartThresholdBytes: 4000 });
    answers(peer, sack(3), { sends: [], cwnd: 2000, flight: 0 });
  });

  it("packets overtake each other, and none is lost: nothing is sent again", () => {
    const { peer } = full(16);
    answers(peer, sack(0, { gaps: [[2, 2]] }), { sends: [], cwnd: 17_000, flight: 15_000 });
    answers(peer, sack(0, { gaps: [[2, 3]] }), { sends: [], cwnd: 17_000, flight: 14_000 });
    answers(peer, sack(3), { sends: [], cwnd: 17_000, flight: 13_000 });
    answers(peer, sack(3, { gaps: [[5, 5]] }), { sends: [], cwnd: 17_000, flight: 12_000 });
    answers(peer, sack(5), { sends: [], cwnd: 17_000, flight: 11_000 });
    answers(peer, sack(16), { sends: [], cwnd: 17_000, flight: 0 });
  });

  it("all SACKs but the last are lost: it counts for one", () => {
    const { peer } = full(16);
    peer.getsNothingFor(900);
    answers(peer, sack(16), { sends: [], cwnd: 17_000, flight: 0 });
    peer.getsNothingFor(100_000);
  });

  it("the acknowledgement comes just after T3: what was marked goes out no more", () => {
    const { peer, user } = full(8);
    user.sends(FULL, FULL, FULL);
    peer.getsAfter(1000, data(1));
    answers(peer, sack(8), { sends: [9, 10], cwnd: 2000, flight: 2000 });
    answers(peer, sack(9), { sends: [11], cwnd: 3000, flight: 2000 });
  });

  it("half of a window is lost after T3 as well: slow start goes through what was marked", () => {
    const { peer } = full(8);
    peer.getsAfter(1000, data(1));
    answers(peer, sack(1), { sends: [2, 3], cwnd: 2000, flight: 2000 });
    answers(peer, sack(2), { sends: [4, 5], cwnd: 3000, flight: 3000 });
    answers(peer, sack(3), { sends: [6, 7], cwnd: 4000, flight: 4000 });
    // ssthresh is 4000, where slow start still counts.
    answers(peer, sack(4), { sends: [8], cwnd: 5000, flight: 4000 });
    answers(peer, sack(8), { sends: [], cwnd: 5000, flight: 0 });
  });

  it("the retransmission after T3 is lost: back-off, and one packet at a time", () => {
    const { peer } = full(8);
    peer.getsAfter(1000, data(1));
    peer.getsAfter(2000, data(1));
    peer.getsAfter(4000, data(1));
    expect(peer.path()).toMatchObject({ windowBytes: 1000, slowStartThresholdBytes: 4000, rtoMs: 8000 });
    answers(peer, sack(1), { sends: [2, 3], cwnd: 2000, flight: 2000 });
  });

  it("gaps on both sides of what is retransmitted: the cumulative TSN moves step by step", () => {
    const { peer } = full(16);
    answers(peer, sack(1), { sends: [], cwnd: 17_000, flight: 15_000 });
    // TSN 2 and 4 are lost: three reports for 2 by 3, 5, 6; for 4 by 5, 6 and 7.
    answers(peer, sack(1, { gaps: [[3, 3]] }), { sends: [], cwnd: 17_000, flight: 14_000 });
    answers(
      peer,
      sack(1, {
        gaps: [
          [3, 3],
          [5, 5],
        ],
      }),
      { sends: [], cwnd: 17_000, flight: 13_000 },
    );
    answers(
      peer,
      sack(1, {
        gaps: [
          [3, 3],
          [5, 6],
        ],
      }),
      { sends: [2], cwnd: 8500, flight: 12_000 },
    );
    // 4 is marked; 8 to 16 and 2 are in flight: no room.
    answers(
      peer,
      sack(1, {
        gaps: [
          [3, 3],
          [5, 7],
        ],
      }),
      { sends: [], cwnd: 8500, flight: 10_000 },
    );
    // Now there is.
    answers(peer, sack(3, { gaps: [[5, 8]] }), { sends: [4], cwnd: 8500, flight: 9000 });
    answers(peer, sack(8), { sends: [], cwnd: 8500, flight: 8000 });
    answers(peer, sack(16), { sends: [], cwnd: 8500, flight: 0 });
  });

  it("small messages are lost: what fits shares a packet when it comes again", () => {
    const { peer, user } = established({ parameters: { maxBurst: 1000 } });
    // Ten chunks of 400 bytes in packets of two: 4000 bytes.
    user.sends(...Array.from({ length: 10 }, () => 384));
    const sent = peer.skips().map(({ chunks }) => chunks.map(({ tsn }) => tsn));
    expect(sent).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
      [9, 10],
    ]);
    for (const last of [6, 8]) peer.sends(sack(2, { gaps: [[5, last]] }));
    peer.skips();
    peer.sends(sack(2, { gaps: [[5, 10]] }));
    peer.gets([data(3), data(4)]);
    answers(peer, sack(10), { sends: [], cwnd: peer.cwnd, flight: 0 });
  });

  it("the peer throws away what it had acknowledged in gap blocks: it is sent again", () => {
    const { peer } = full(8);
    answers(peer, sack(1, { gaps: [[3, 8]] }), { sends: [], cwnd: 9000, flight: 1000 });
    // All but TSN 1 is gone at the peer: TSN 3 to 8 are in flight again.
    answers(peer, sack(1), { sends: [], cwnd: 9000, flight: 7000 });
    peer.getsAfter(1000, data(2));
    answers(peer, sack(2), { sends: [3, 4], cwnd: 2000, flight: 2000 });
    answers(peer, sack(8), { sends: [], cwnd: 3000, flight: 0 });
  });
});
