import { describe, expect, it } from "vitest";
import { FULL, PEER, PEER_TOO } from "../rfc9260/kit.ts";
import type { Peer, Script } from "../rfc9260/kit.ts";
import { data, sack, to } from "../rfc9260/sketches.ts";
import { agreed, agreedAndFull, forward, lives, retransmitted, urgent } from "./kit.ts";

const never = retransmitted(0);
const lossy = { size: FULL, ...never };

/** Messages of a full packet each, `L` for those that are never sent again, `R` for reliable ones; all sent. */
function sent(pattern: string): Script {
  const script = agreed({ peerWindow: 1_000_000 });
  script.user.sends(...pattern.split("").map((kind) => (kind === "L" ? lossy : FULL)));
  script.peer.skips();
  return script;
}

const dataOnly = (peer: Peer): unknown[] => peer.arrivals.splice(0).map(({ chunks }) => chunks[0]?.["tsn"]);

describe("3.5 C1, C2: Advanced.Peer.Ack.Point", () => {
  it("stands at the cumulative TSN where nothing was given up", () => {
    const { peer } = sent("RRR");
    peer.sends(sack(1));
    peer.getsNothing();
    peer.getsAfter(1000, data(2));
  });

  it.each([
    // What was sent, what the SACK after T3 says, how far FORWARD TSN reaches then.
    ["L", 1],
    ["LL", 2],
    ["LLL", 3],
    ["LLLL", 4],
  ] as const)("moves over what was given up: %s", (pattern, reached) => {
    const { peer } = sent(pattern);
    peer.getsAfter(1000, forward(reached, [0, reached - 1]));
  });

  it.each([
    ["LR", 1],
    ["LLR", 2],
    ["LRL", 1],
    ["LLRL", 2],
  ] as const)("stops in front of what is still outstanding: %s", (pattern, reached) => {
    const { peer } = sent(pattern);
    peer.getsAfter(1000, forward(reached, [0, reached - 1]), data(reached + 1));
  });

  it.each(["RL", "RLL", "RLRL"])("does not move where the first one is outstanding: %s", (pattern) => {
    const { peer } = sent(pattern);
    peer.getsAfter(1000, data(1));
  });

  it("moves with the SACK for what was in the way", () => {
    const { peer } = sent("RL");
    peer.getsAfter(1000, data(1));
    peer.sends(sack(1));
    peer.gets(forward(2, [0, 1]));
  });

  it("moves with the SACK, as in the example: 103 and 104 given up, 105 outstanding, 106 acknowledged", () => {
    const { peer, user } = agreed({ peerWindow: 1_000_000 });
    user.sends(FULL, lossy, lossy, FULL);
    peer.skips();
    peer.sends(sack(1));
    user.sends(FULL);
    peer.gets(data(5));
    // TSN 2 and 3 are given up at T3, which the SACK has restarted; 4 is outstanding, 5 is acknowledged.
    peer.sends(sack(1, { gaps: [[5, 5]] }));
    peer.getsAfter(1000, forward(3, [0, 2]), data(4));
  });

  it("does not move over what only gap blocks acknowledge", () => {
    const { peer } = sent("LRL");
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.getsAfter(1000, forward(1, [0, 0]));
    peer.sends(sack(2));
    peer.gets(forward(3, [0, 2]));
  });

  it("moves over what was given up and reached the peer all the same", () => {
    const { peer } = sent("LLL");
    peer.getsAfter(1000, forward(3, [0, 2]));
    // The SACK was under way: TSN 2 had come.
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.sends(sack(3));
    peer.getsNothingFor(100_000);
  });

  it("follows the SACK where that is further", () => {
    const { peer, user } = sent("LL");
    peer.getsAfter(1000, forward(2, [0, 1]));
    user.sends(FULL);
    peer.gets(data(3));
    peer.sends(sack(3));
    user.sends(lossy);
    peer.gets(data(4));
    peer.getsAfter(2000, forward(4, [0, 3]));
  });

  it("over the wrap of the TSN", () => {
    const { peer, user } = agreed({ uint32: 0xffff_fffe });
    user.sends(lossy, lossy, lossy, lossy);
    peer.skips();
    peer.getsAfter(1000, forward(4, [0, 3]));
    peer.sends(sack(4));
    user.sends(FULL);
    peer.gets(data(5));
  });
});

describe("3.5 C3: FORWARD TSN after a SACK", () => {
  it("goes where the point is beyond the cumulative TSN", () => {
    const { peer } = agreedAndFull(8);
    peer.sends(sack(8));
    expect(peer.arrivals).toEqual([]);
  });

  it("goes as soon as missing reports show that a message is given up", () => {
    const { peer } = sent("LRRR");
    for (const last of [2, 3]) peer.sends(sack(0, { gaps: [[2, last]] }));
    peer.getsNothing();
    peer.sends(sack(0, { gaps: [[2, 4]] }));
    peer.gets(forward(1, [0, 0]));
  });

  it("goes again with the latest point: each SACK that sets more free is answered", () => {
    const { peer } = sent("LRLL");
    peer.getsAfter(1000, forward(1, [0, 0]), data(2));
    peer.sends(sack(2));
    peer.gets(forward(4, [0, 3]));
  });

  it("does not go again for SACKs that were under way already", () => {
    const { peer } = sent("LRRR");
    peer.getsAfter(1000, forward(1, [0, 0]), data(2));
    peer.sends(sack(0, { gaps: [[3, 3]] }));
    peer.sends(sack(0, { gaps: [[3, 4]] }));
    expect(dataOnly(peer)).toEqual([4]);
  });

  it("goes again after three SACKs that leave it out: it was lost", () => {
    const { peer, user } = sent("L");
    peer.getsAfter(1000, forward(1, [0, 0]));
    for (const tsn of [2, 3, 4]) {
      user.sends(100);
      peer.gets(data(tsn));
      peer.sends(sack(0, { gaps: [[2, tsn]] }));
      if (tsn < 4) peer.getsNothing();
    }
    peer.gets(forward(1, [0, 0]));
  });

  it("ends with the SACK that reaches the point", () => {
    const { peer } = sent("LL");
    peer.getsAfter(1000, forward(2, [0, 1]));
    peer.sends(sack(2));
    peer.getsNothingFor(100_000);
  });

  it("ends with a SACK that is beyond the point", () => {
    const { peer, user } = sent("L");
    peer.getsAfter(1000, forward(1, [0, 0]));
    user.sends(FULL);
    peer.gets(data(2));
    peer.sends(sack(2));
    peer.getsNothingFor(100_000);
  });

  it("is answered by SHUTDOWN as well: its cumulative TSN counts like that of a SACK", () => {
    const { peer } = sent("RL");
    peer.getsAfter(1000, data(1));
    peer.sends({ type: "SHUTDOWN", cumulativeTsn: 1 });
    peer.gets(forward(2, [0, 1]));
    peer.sends({ type: "SHUTDOWN", cumulativeTsn: 2 });
    peer.gets({ type: "SHUTDOWN_ACK" });
  });

  it("goes to an address that is confirmed", () => {
    const { peer, user } = agreed({ peerAddresses: [PEER, PEER_TOO] });
    user.sends(lossy);
    peer.gets(to(PEER, data(1)));
    peer.getsAfter(1000, to(PEER, forward(1, [0, 0])));
  });

  it("goes to the path that is left where the primary one has failed", () => {
    const { peer, user } = agreed({
      peerAddresses: [PEER, PEER_TOO],
      parameters: { pathMaxRetrans: 0, heartbeatEnabled: false },
    });
    user.sends(lossy);
    peer.gets(to(PEER, data(1)));
    peer.getsAfter(1000, to(PEER_TOO, forward(1, [0, 0])));
    peer.sendsFrom(PEER_TOO, sack(1));
    // Nothing was heard from the first one.
    expect(peer.path(PEER).errorCount).toBe(1);
    expect(peer.path(PEER_TOO).errorCount).toBe(0);
  });
});

describe("3.5 C5, A5: T3-rtx", () => {
  it("runs while FORWARD TSN is not acknowledged: it comes again, after twice the time each time", () => {
    const { peer } = sent("L");
    for (const waitMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000])
      peer.getsAfter(waitMs, forward(1, [0, 0]));
  });

  it("is started for FORWARD TSN where nothing else is in flight", () => {
    const { peer } = sent("LRRR");
    peer.skips(400);
    for (const last of [2, 3, 4]) peer.sends(sack(0, { gaps: [[2, last]] }));
    peer.gets(forward(1, [0, 0]));
    // The round trip of 400 ms that TSN 1 would have shown was not taken: RTO is still a second.
    peer.getsAfter(1000, forward(1, [0, 0]));
  });

  it("goes on where a SACK leaves FORWARD TSN out, though nothing else is in flight", () => {
    const { peer } = sent("L");
    peer.getsAfter(1000, forward(1, [0, 0]));
    peer.sends(sack(0));
    peer.getsAfter(2000, forward(1, [0, 0]));
  });

  it("stops with the SACK for it", () => {
    const { peer } = sent("L");
    peer.getsAfter(1000, forward(1, [0, 0]));
    peer.sends(sack(1));
    expect(peer.endpoint.nextDeadlineMs()! - peer.nowMs).toBeGreaterThan(100_000);
  });

  it("goes on for DATA that is outstanding beside it", () => {
    const { peer, user } = sent("L");
    peer.getsAfter(1000, forward(1, [0, 0]));
    user.sends(FULL);
    peer.gets(data(2));
    peer.sends(sack(1));
    peer.getsAfter(2000, data(2));
  });

  it("tries to move the point on any expiration", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...retransmitted(1) });
    peer.gets(data(1));
    peer.getsAfter(1000, data(1));
    peer.getsAfter(2000, forward(1, [0, 0]));
    peer.getsAfter(4000, forward(1, [0, 0]));
  });

  it("sends what is still reliable, and FORWARD TSN for the rest, in one go", () => {
    const { peer, user } = agreed();
    user.sends({ size: 100, ...never }, { size: 100 }, { size: 100, ...never }, { size: 100 });
    peer.skips();
    peer.getsAfter(1000, [forward(1, [0, 0]), data(2), data(4)]);
    peer.sends(sack(2));
    peer.gets(forward(3, [0, 2]));
    peer.sends(sack(4));
    peer.getsNothingFor(100_000);
  });
});

describe("3.5 F1 to F4", () => {
  it("F1: nothing given up, no FORWARD TSN, whatever is lost", () => {
    const { peer } = sent("RRRR");
    const types = peer.skips(300_000).flatMap(({ chunks }) => chunks.map(({ type }) => type));
    expect(types).not.toContain("FORWARD_TSN");
  });

  it("F1: a message that makes room waits for a SACK or T3 with its FORWARD TSN", () => {
    const { peer, user } = agreed({ parameters: { sendBufferBytes: 2 * FULL } });
    user.sends({ size: FULL, ...urgent(5) }, { size: FULL, ...urgent(5) });
    peer.gets(data(1), data(2));
    user.sends({ size: FULL, ...urgent(1) });
    peer.gets(data(3));
    peer.getsAfter(1000, forward(1, [0, 0]), data(2));
  });

  it("F1: it needs none where it came through", () => {
    const { peer, user } = agreed({ parameters: { sendBufferBytes: 2 * FULL } });
    user.sends({ size: FULL, ...urgent(5) }, { size: FULL, ...urgent(5) });
    peer.skips();
    user.sends({ size: FULL, ...urgent(1) });
    expect(dataOnly(peer)).toEqual([3]);
    peer.sends(sack(3));
    peer.getsNothingFor(100_000);
  });

  it("F2: is bundled with new DATA", () => {
    const { peer, user } = agreed();
    user.sends(FULL, FULL, FULL, { size: FULL, ...never }, { size: 100 });
    peer.skips();
    peer.sends(sack(3));
    peer.gets(data(5));
    peer.getsAfter(1000, [forward(4, [0, 3]), data(5)]);
  });

  it("F2: is bundled with the SACK that is waiting", () => {
    const { peer, user } = agreed();
    peer.sends(data(1));
    peer.skips();
    user.sends({ size: 100, ...never });
    peer.skips(900);
    peer.sends(data(2));
    const [packet, ...others] = peer.skips(100);
    expect(others).toEqual([]);
    expect(packet?.chunks.map(({ type }) => type).toSorted()).toEqual(["FORWARD_TSN", "SACK"]);
  });

  it("F3: it waits for nothing", () => {
    const { peer } = sent("L");
    expect(peer.next(10_000)).toMatchObject({ afterMs: 1000, chunks: [forward(1, [0, 0])] });
  });

  it("F4: a SACK is old by its cumulative TSN only: one behind the point counts", () => {
    const { peer } = sent("LRL");
    peer.getsAfter(1000, forward(1, [0, 0]), data(2));
    // Behind the point (1), not behind the last SACK: its window counts, and what it reports leaves the flight.
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    expect(peer.flight).toBe(0);
    peer.sends(sack(2));
    peer.gets(forward(3, [0, 2]));
    // This one is.
    peer.sends(sack(1, { advertisedWindow: 0 }));
    peer.sends(sack(3));
    peer.getsNothing();
  });
});

describe("4.3 G1: whoever gives up a message with a TSN sends FORWARD TSN", () => {
  it.each([
    ["timed reliability", lives(500)],
    ["limited retransmissions", retransmitted(0)],
  ] as const)("with %s", (_, policy) => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...policy });
    peer.gets(data(1));
    peer.getsAfter(1000, forward(1, [0, 0]));
  });

  it("with priorities", () => {
    const { peer, user } = agreed({ parameters: { sendBufferBytes: FULL } });
    user.sends({ size: FULL, ...urgent(2) });
    peer.gets(data(1));
    user.sends({ size: FULL, ...urgent(1) });
    peer.gets(data(2));
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.gets(forward(1, [0, 0]));
  });
});
