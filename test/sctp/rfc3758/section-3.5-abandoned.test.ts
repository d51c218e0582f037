import { describe, expect, it } from "vitest";
import { FULL } from "../rfc9260/kit.ts";
import { data, sack } from "../rfc9260/sketches.ts";
import { agreed, agreedAndFull, forward, lives, retransmitted, urgent } from "./kit.ts";

const never = retransmitted(0);

describe("3.4, 3.5 A2: what was given up", () => {
  it("is not sent again", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...never });
    peer.gets(data(1));
    peer.getsAfter(1000, forward(1, [0, 0]));
    peer.sends(sack(1));
    peer.getsNothingFor(100_000);
  });

  it("is no longer outstanding: it leaves the flight", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...never });
    expect(peer.flight).toBe(1000);
    peer.skips(1000);
    expect(peer.flight).toBe(0);
  });

  it("leaves the peer's window: what is behind it may be sent", () => {
    const { peer, user } = agreed({ peerWindow: 2000 });
    user.sends({ size: FULL, ...never }, { size: FULL, ...never }, FULL, FULL);
    peer.gets(data(1), data(2));
    // Two chunks fill the window. Both are given up, and one packet is what T3 leaves of the congestion window.
    peer.getsAfter(1000, forward(2, [0, 1]), data(3));
  });

  it("leaves the send buffer", () => {
    const { peer, user } = agreed({ parameters: { sendBufferBytes: 2 * FULL } });
    user.sends({ size: FULL, ...never }, { size: FULL, ...never });
    peer.skips();
    expect(user.tries({ size: FULL })).toBe("queue-full");
    peer.skips(1000);
    expect(user.tries({ size: FULL })).toBe("accepted");
  });

  it("does not let the window grow in slow start when it is acknowledged", () => {
    const { peer, user } = agreedAndFull(8);
    user.sends({ size: FULL, ...never });
    const before = peer.cwnd;
    peer.sends(sack(8));
    const grown = peer.cwnd;
    expect(grown).toBe(before + 1000);
    peer.skips(1000);
    const collapsed = peer.cwnd;
    expect(collapsed).toBe(1000);
    peer.sends(sack(9));
    expect(peer.cwnd).toBe(collapsed);
  });

  it("does not count as partial_bytes_acked", () => {
    const { peer, user } = agreed({ peerWindow: 1_000_000 });
    user.sends(...Array.from({ length: 4 }, () => ({ size: FULL, ...never })));
    peer.skips(1000);
    // Slow start up to ssthresh, which T3 set to four packets; then each window of acknowledged bytes counts.
    peer.sends(sack(4));
    let tsn = 4;
    const acknowledge = (count: number): void => {
      user.sends(...Array.from({ length: count }, () => FULL));
      peer.skips();
      tsn += count;
      peer.sends(sack(tsn));
      peer.skips();
    };
    for (const count of [1, 2, 3, 4]) acknowledge(count);
    expect(peer.cwnd).toBe(5000);
    acknowledge(2);
    user.sends(...Array.from({ length: 5 }, () => ({ size: FULL, ...never })));
    peer.skips();
    const { windowBytes, slowStartThresholdBytes } = peer.path();
    expect([windowBytes, slowStartThresholdBytes]).toEqual([5000, 4000]);
  });

  it("measures no round trip when FORWARD TSN is acknowledged", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...never });
    peer.skips(1000);
    peer.skips(700);
    peer.sends(sack(1));
    expect(peer.path().smoothedRttMs).toBeUndefined();
    user.sends(FULL);
    peer.skips(100);
    peer.sends(sack(2));
    expect(peer.path().smoothedRttMs).toBe(100);
  });

  it("is answered all the same: the counts of errors begin anew", () => {
    const { peer, user } = agreed({ parameters: { associationMaxRetrans: 3, pathMaxRetrans: 2 } });
    for (let tsn = 1; tsn <= 10; tsn += 1) {
      user.sends({ size: FULL, ...never });
      peer.next(70_000);
      const { afterMs } = peer.next(70_000)!;
      expect(afterMs).toBeGreaterThan(900);
      expect(peer.path().errorCount).toBe(1);
      peer.sends(sack(tsn));
      expect(peer.path().errorCount).toBe(0);
    }
    expect(user.state).toBe("established");
  });

  it("counts as lost as long as nothing is acknowledged: the association ends in the end", () => {
    const { peer, user } = agreed({ parameters: { associationMaxRetrans: 3, pathMaxRetrans: 5 } });
    user.sends({ size: FULL, ...never });
    peer.skips(100_000);
    expect(user.hears()).toContain("comm-lost");
  });

  it("is told to the user with its context, what was sent and why", () => {
    const { peer, user } = agreed();
    user.sends({ size: 300, context: 77, ppid: 5, ...never });
    peer.skips(1000);
    expect(peer.notifications.splice(0)).toMatchObject([
      { type: "send-failed", context: 77, ppid: 5, sent: true, reason: "retransmission-limit" },
    ]);
  });
});

describe("3.5 A3: a message in fragments is given up as a whole", () => {
  it("by T3, though only one fragment was lost", () => {
    const { peer, user } = agreed();
    user.sends({ size: 3 * FULL, ...never });
    peer.gets(data(1), data(2), data(3));
    peer.sends(sack(0, { gaps: [[2, 3]] }));
    peer.getsAfter(1000, forward(3, [0, 0]));
  });

  it("by fast retransmit, with the fragments before and behind", () => {
    const { peer, user } = agreedAndFull(8);
    // TSN 1 to 8 are reliable and acknowledged; 9 to 11 are one message, of which 10 is lost.
    peer.sends(sack(8));
    user.sends({ size: 3 * FULL, ...never }, FULL, FULL, FULL);
    peer.gets(...[9, 10, 11, 12, 13, 14].map((tsn) => data(tsn)));
    for (const last of [12, 13]) peer.sends(sack(9, { gaps: [[11, last]] }));
    peer.getsNothing();
    peer.sends(sack(9, { gaps: [[11, 14]] }));
    // SSNs go on from the 12 messages that `full` has sent.
    peer.gets(forward(11, [0, 12]));
  });

  it("with fragments that have no TSN yet: the next message begins afresh", () => {
    const { peer, user } = agreed({ peerWindow: 10_000 });
    user.sends({ size: 8 * FULL, ...never }, { size: 50, streamId: 1 });
    peer.gets(data(1), data(2), data(3), data(4));
    // TSN 5 is for the rest, which is never sent.
    peer.getsAfter(1000, [forward(5, [0, 0]), data(6, { streamId: 1, ssn: 0, size: 50 })]);
    user.sends(60);
    peer.sends(sack(6));
    peer.gets(data(7, { streamId: 0, ssn: 1, size: 60 }));
  });

  it("of which everything that was sent is acknowledged: the rest is skipped", () => {
    const { peer, user } = agreed({ peerWindow: 4000 });
    user.sends({ size: 8 * FULL, ...lives(500) });
    peer.gets(data(1), data(2), data(3), data(4));
    peer.skips(600);
    peer.sends(sack(4));
    peer.gets(forward(5, [0, 0]));
    peer.sends(sack(5));
    peer.getsNothingFor(100_000);
  });

  it("of which the rest expires instead of being sent, also in a restored endpoint", () => {
    const { peer, user } = agreed();
    user.sends({ size: 10 * FULL, ...lives(500) });
    expect(peer.skips(600)).toHaveLength(4);
    peer.restores();
    peer.getsNothing();
    // It opens the window again, but what would be sent now has expired: TSN 5 stands for all the rest.
    peer.sends(sack(2));
    peer.gets(forward(5, [0, 0]));
    expect(user.hears()).toContain("send-failed");
    peer.restores();
    peer.sends(sack(5));
    peer.getsNothingFor(100_000);
  });

  it("unordered, likewise, and no stream is listed", () => {
    const { peer, user } = agreed();
    user.sends({ size: 2 * FULL, unordered: true, ...never });
    peer.gets(data(1), data(2));
    peer.sends(sack(1));
    peer.getsAfter(1000, forward(2));
  });

  it("tells the user of each part: what was sent, and what never was", () => {
    const { peer, user } = agreed({ peerWindow: 2000 });
    user.sends({ size: 3 * FULL, context: 9, ...never });
    peer.skips(1000);
    const failed = peer.notifications.filter(({ type }) => type === "send-failed");
    expect(failed.map((each) => "sent" in each && each.sent)).toEqual([true, true, false]);
  });

  it("and the message behind it, of the same stream, is not", () => {
    const { peer, user } = agreed();
    user.sends({ size: 2 * FULL, ...never }, FULL);
    peer.gets(data(1), data(2), data(3));
    peer.getsAfter(1000, forward(2, [0, 0]), data(3, { ssn: 1 }));
  });
});

describe("3.5 F5: the congestion window", () => {
  it("collapses when T3 expires, though nothing is sent again", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...never });
    expect(peer.cwnd).toBe(4000);
    peer.skips(1000);
    expect(peer.path()).toMatchObject({ windowBytes: 1000, slowStartThresholdBytes: 4000, rtoMs: 2000 });
  });

  it("is halved when missing reports show the loss, though nothing is sent again", () => {
    const { peer, user } = agreedAndFull(16);
    peer.sends(sack(16));
    user.sends({ size: FULL, ...never }, ...Array.from({ length: 15 }, () => FULL));
    peer.skips();
    const before = peer.cwnd;
    for (const last of [18, 19, 20]) peer.sends(sack(16, { gaps: [[18, last]] }));
    peer.gets(forward(17, [0, 28]));
    expect(peer.path().slowStartThresholdBytes).toBe(Math.floor(before / 2));
    expect(peer.cwnd).toBe(Math.floor(before / 2));
  });

  it("is halved once by missing reports for what was given up before", () => {
    const { peer, user } = agreedAndFull(16, { parameters: { sendBufferBytes: 28 * FULL } });
    peer.sends(sack(16));
    user.sends({ size: FULL, ...urgent(5) }, ...Array.from({ length: 15 }, () => FULL));
    peer.skips();
    // 16 packets are out; the first makes room for a message of 13.
    user.sends({ size: 13 * FULL, ...urgent(1) });
    peer.skips();
    const untouched = peer.path().slowStartThresholdBytes;
    for (const last of [18, 19]) peer.sends(sack(16, { gaps: [[18, last]] }));
    expect(peer.path().slowStartThresholdBytes).toBe(untouched);
    peer.sends(sack(16, { gaps: [[18, 20]] }));
    const halved = peer.cwnd;
    expect(halved).toBeLessThan(12_000);
    for (const last of [21, 22, 23]) peer.sends(sack(16, { gaps: [[18, last]] }));
    expect(peer.cwnd).toBe(halved);
  });

  it("what made room and came through shows what is missing before it, as any other chunk", () => {
    const { peer, user } = agreed({ parameters: { sendBufferBytes: 4 * FULL } });
    user.sends(FULL, { size: FULL, ...urgent(5) }, FULL, FULL);
    peer.skips();
    user.sends({ size: FULL, ...urgent(1) });
    peer.skips();
    for (const last of [2, 3]) peer.sends(sack(0, { gaps: [[2, last]] }));
    peer.getsNothing();
    peer.sends(sack(0, { gaps: [[2, 4]] }));
    peer.gets(data(1));
  });

  it("stays collapsed when missing reports come late for what T3 has given up", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...never }, FULL, FULL, FULL);
    peer.skips();
    peer.skips(1000);
    for (const last of [2, 3, 4]) peer.sends(sack(0, { gaps: [[2, last]] }));
    expect(peer.path().slowStartThresholdBytes).toBe(4000);
    expect(peer.cwnd).toBeLessThan(4000);
  });

  it("stays collapsed likewise for what had made room before T3 expired", () => {
    const { peer, user } = agreed({ parameters: { sendBufferBytes: 4 * FULL } });
    user.sends({ size: FULL, ...urgent(5) }, FULL, FULL, FULL);
    peer.skips();
    user.sends({ size: FULL, ...urgent(1) });
    peer.skips();
    peer.skips(1000);
    for (const last of [2, 3, 4]) peer.sends(sack(0, { gaps: [[2, last]] }));
    expect(peer.cwnd).toBeLessThan(4000);
  });

  it("is left alone where a message that was never sent is given up", () => {
    const { peer, user } = agreed();
    user.sends(FULL, FULL, FULL, FULL, { size: FULL, ...lives(100) });
    peer.skips(200);
    peer.sends(sack(4));
    peer.getsNothing();
    expect(peer.cwnd).toBe(5000);
  });

  it("is left alone where one makes room for others", () => {
    const { peer, user } = agreed({ parameters: { sendBufferBytes: 2 * FULL } });
    user.sends({ size: FULL, ...urgent(5) }, { size: FULL, ...urgent(5) });
    peer.skips();
    user.sends({ size: FULL, ...urgent(1) });
    expect(peer.cwnd).toBe(4000);
  });
});
