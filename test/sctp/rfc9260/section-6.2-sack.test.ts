import { describe, expect, it } from "vitest";
import { FULL, PEER, PEER_TOO, established, receiving } from "./kit.ts";
import type { Peer } from "./kit.ts";
import { abort, data, sack, to } from "./sketches.ts";
import type { Sketch } from "./sketches.ts";

/** The SACK in what came last. */
const lastSack = (peer: Peer): Sketch =>
  peer
    .skips()
    .flatMap(({ chunks }) => chunks)
    .findLast(({ type }) => type === "SACK")!;

describe("6.2 when a SACK is due", () => {
  it("5.1 the first DATA of an association is acknowledged at once", () => {
    const { peer } = established();
    peer.sends(data(1));
    peer.gets(sack(1));
  });

  it("one packet waits for 200 ms", () => {
    const { peer } = receiving();
    peer.sends(data(2));
    peer.getsNothing();
    peer.getsAfter(200, sack(2));
    peer.getsNothingFor(10_000);
  });

  it("the second packet is acknowledged at once, the third waits again", () => {
    const { peer } = receiving();
    peer.sends(data(2));
    peer.getsNothing();
    peer.sends(data(3));
    peer.gets(sack(3));
    peer.sends(data(4));
    peer.getsAfter(200, sack(4));
  });

  it("every second packet is acknowledged by a SACK of its own, however many come at once", () => {
    const { peer } = receiving();
    peer.sendsAtOnce([data(2)], [data(3)], [data(4)], [data(5)], [data(6)]);
    peer.gets(sack(3), sack(5));
    peer.getsAfter(200, sack(6));
  });

  it("6.7 each packet above a gap is, too", () => {
    const { peer } = receiving();
    peer.sendsAtOnce([data(3)], [data(4)], [data(5)]);
    peer.gets(sack(1, { gaps: [[3, 3]] }), sack(1, { gaps: [[3, 4]] }), sack(1, { gaps: [[3, 5]] }));
  });

  it("two DATA chunks in one packet are one packet", () => {
    const { peer } = receiving();
    peer.sends(data(2), data(3));
    peer.getsAfter(200, sack(3));
  });

  it("the delay counts from the first packet that is not acknowledged", () => {
    const { peer } = receiving({ parameters: { sackFrequency: 3 } });
    peer.sends(data(2));
    peer.getsNothingFor(150);
    peer.sends(data(3));
    peer.getsAfter(50, sack(3));
  });

  it("the delay is measured anew after each SACK", () => {
    const { peer } = receiving();
    peer.sends(data(2));
    peer.getsNothingFor(150);
    peer.sends(data(3));
    peer.gets(sack(3));
    peer.getsNothingFor(100);
    peer.sends(data(4));
    peer.getsAfter(200, sack(4));
  });

  it("SACK.Delay never exceeds 500 ms, whatever is configured", () => {
    let waitedMs = 0;
    try {
      const { peer } = receiving({ parameters: { sackDelayMs: 900 } });
      peer.skips(1000);
      peer.sends(data(2));
      waitedMs = peer.next(2000)?.afterMs ?? Infinity;
    } catch (error) {
      expect(String(error), "refused as a mistake of the operator").toMatch(/500/u);
    }
    expect(waitedMs).toBeLessThanOrEqual(500);
  });

  it("with a frequency of 1 each packet is acknowledged at once", () => {
    const { peer } = receiving({ parameters: { sackFrequency: 1 } });
    peer.sends(data(2));
    peer.gets(sack(2));
    peer.sends(data(3));
    peer.gets(sack(3));
  });

  it("packets from several addresses count together", () => {
    const { peer } = receiving({ peerAddresses: [PEER, PEER_TOO] });
    peer.sendsFrom(PEER, data(2));
    peer.sendsFrom(PEER_TOO, data(3));
    peer.gets(to(PEER_TOO, sack(3)));
  });

  it("a control chunk in between does not put it off", () => {
    const { peer } = receiving();
    peer.sends(data(2));
    peer.getsNothingFor(100);
    peer.sends({ type: "HEARTBEAT" });
    const early = peer.skips().flatMap(({ chunks }) => chunks.map(({ type }) => type));
    if (!early.includes("SACK")) peer.getsAfter(100, sack(2));
    peer.getsNothingFor(10_000);
  });

  it("the I bit asks for a SACK at once", () => {
    const { peer } = receiving();
    peer.sends(data(2, { immediate: true }));
    peer.gets(sack(2));
  });

  it("the I bit counts on any chunk of the packet", () => {
    const { peer } = receiving();
    peer.sends(data(2, { immediate: true }), data(3));
    peer.gets(sack(3));
  });

  it("a packet with nothing but a duplicate is acknowledged at once, with the duplicate", () => {
    const { peer } = receiving();
    peer.sends(data(1));
    peer.gets(sack(1, { duplicates: [1] }));
  });

  it("a duplicate is reported once", () => {
    const { peer } = receiving();
    peer.sends(data(1));
    peer.gets(sack(1, { duplicates: [1] }));
    peer.sends(data(2));
    peer.getsAfter(200, sack(2, { duplicates: [] }));
  });

  it("a duplicate that came twice in one packet is reported twice", () => {
    const { peer } = receiving();
    peer.sends(data(1), data(1));
    peer.gets(sack(1, { duplicates: [1, 1] }));
  });

  it("a duplicate beside new DATA is reported with it", () => {
    const { peer } = receiving();
    peer.sends(data(1), data(2));
    const report = peer.next(200)?.chunks;
    expect(report).toMatchObject([sack(2, { duplicates: [1] })]);
  });

  it("a duplicate of a TSN above a gap is a duplicate too", () => {
    const { peer } = receiving();
    peer.sends(data(3));
    peer.gets(sack(1, { gaps: [[3, 3]] }));
    peer.sends(data(3));
    peer.gets(sack(1, { gaps: [[3, 3]], duplicates: [3] }));
  });

  it("no packet is answered by more than one SACK", () => {
    const { peer } = receiving();
    peer.sends(data(3), data(5), data(3), data(1), data(7, { immediate: true }));
    peer.gets(
      sack(1, {
        gaps: [
          [3, 3],
          [5, 5],
          [7, 7],
        ],
        duplicates: [3, 1],
      }),
    );
  });
});

describe("6.7 gap reports", () => {
  it("a gap is reported at once, and after each packet until it is filled", () => {
    const { peer } = receiving();
    peer.sends(data(3));
    peer.gets(sack(1, { gaps: [[3, 3]] }));
    peer.sends(data(4));
    peer.gets(sack(1, { gaps: [[3, 4]] }));
    peer.sends(data(2));
    peer.gets(sack(4, { gaps: [] }));
    peer.sends(data(5));
    peer.getsAfter(200, sack(5));
  });

  it("blocks are isolated: what closes the hole between two joins them", () => {
    const { peer } = receiving();
    for (const tsn of [3, 5, 7]) peer.sends(data(tsn));
    peer.skips();
    peer.sends(data(6));
    peer.gets(
      sack(1, {
        gaps: [
          [3, 3],
          [5, 7],
        ],
      }),
    );
    peer.sends(data(4));
    peer.gets(sack(1, { gaps: [[3, 7]] }));
  });

  it("blocks ascend, in whatever order the TSNs came", () => {
    const { peer } = receiving();
    for (const tsn of [9, 3, 6]) peer.sends(data(tsn));
    expect(lastSack(peer)).toMatchObject(
      sack(1, {
        gaps: [
          [3, 3],
          [6, 6],
          [9, 9],
        ],
      }),
    );
  });

  it("the cumulative TSN stays before the first hole", () => {
    const { peer } = receiving();
    for (const tsn of [2, 3, 5]) peer.sends(data(tsn));
    expect(lastSack(peer)).toMatchObject(sack(3, { gaps: [[5, 5]] }));
  });

  it("a part of a hole that is filled is acknowledged at once", () => {
    const { peer } = receiving();
    peer.sends(data(4));
    peer.gets(sack(1, { gaps: [[4, 4]] }));
    peer.sends(data(2));
    peer.gets(sack(2, { gaps: [[4, 4]] }));
  });

  it("one SACK holds as many blocks as fit into a packet, the lowest ones", () => {
    // 1012 bytes less 12 of common header and 16 of SACK leave room for 246 blocks.
    const { peer } = receiving();
    for (let tsn = 3; tsn <= 2 * 300 + 1; tsn += 2) peer.sends(data(tsn, { size: 1 }));
    const packets = peer.skips();
    expect(packets).toHaveLength(300);
    const last = packets.at(-1);
    expect(last?.sizeBytes).toBe(1012);
    const blocks = Array.from({ length: 246 }, (_, index) => [2 * index + 3, 2 * index + 3] as const);
    expect(last?.chunks).toMatchObject([sack(1, { gaps: blocks })]);
  });

  it("the cumulative TSN and the blocks wrap with the TSN", () => {
    const { peer } = receiving({ peerInitialTsn: 0xfffffffe });
    peer.sends(data(0xffffffff));
    peer.sends(data(0));
    peer.gets(sack(0));
    peer.sends(data(2));
    peer.gets(sack(0, { gaps: [[2, 2]] }));
    peer.sends(data(1));
    peer.gets(sack(2));
  });

  it("blocks reach over the wrap", () => {
    const { peer } = receiving({ peerInitialTsn: 0xfffffffd });
    for (const tsn of [0xffffffff, 0, 1]) peer.sends(data(tsn));
    expect(lastSack(peer)).toMatchObject(sack(0xfffffffd, { gaps: [[0xffffffff, 1]] }));
  });
});

describe("6.1 and 6.2 a SACK rides along", () => {
  it("with DATA that leaves while one waits, in front of it", () => {
    const { peer, user } = receiving();
    peer.sends(data(2));
    user.sends(100);
    peer.gets([sack(2), data(1)]);
    peer.sends(sack(1));
    peer.getsNothingFor(10_000);
  });

  it("with a retransmission as well", () => {
    const { peer, user } = receiving();
    user.sends(100);
    peer.gets(data(1));
    peer.getsNothingFor(900);
    peer.sends(data(2));
    peer.getsAfter(100, [sack(2), data(1)]);
    peer.getsNothingFor(1000);
  });

  it("not with DATA when there is nothing to acknowledge", () => {
    const { peer, user } = receiving();
    user.sends(100);
    peer.gets([data(1)]);
  });

  it("only where the packet stays within the path MTU", () => {
    const { peer, user } = receiving();
    peer.sends(data(2));
    user.sends(FULL);
    const sizes = peer.skips(200).map(({ sizeBytes }) => sizeBytes);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1012);
  });
});

describe("6.2 the window", () => {
  const holding = { holdsDeliveries: true, parameters: { receiveBufferBytes: 10_000 } };
  const windowOf = (chunk: Sketch | undefined): number => Number(chunk?.["advertisedWindow"]);

  /** Fills the buffer in order, until a SACK says that nothing fits any more; answers the last TSN taken. */
  function fill(peer: Peer): number {
    for (let tsn = 1; tsn < 30; tsn += 1) {
      peer.sends(data(tsn, { size: FULL, immediate: true }));
      const report = lastSack(peer);
      expect(report["cumulativeTsn"]).toBe(tsn);
      if (windowOf(report) === 0) return tsn;
    }
    throw new Error("the window never closes");
  }

  it("shrinks by what the user has not taken, and opens with what it takes", () => {
    const { peer, user } = established(holding);
    peer.sends(data(1, { size: FULL, immediate: true }));
    const before = windowOf(lastSack(peer));
    expect(before).toBeLessThanOrEqual(10_000 - FULL);
    user.consumes(FULL);
    peer.skips();
    peer.sends(data(2, { size: 4, immediate: true }));
    expect(windowOf(lastSack(peer))).toBeGreaterThan(before);
  });

  it("does not count what was handed over at once", () => {
    const { peer } = receiving({ parameters: { receiveBufferBytes: 10_000 } });
    peer.sends(data(2, { size: FULL, immediate: true }));
    peer.gets(sack(2, { advertisedWindow: 10_000 }));
  });

  it("is smaller by the fragments of a message that is not complete", () => {
    const { peer } = receiving({ parameters: { receiveBufferBytes: 10_000 } });
    peer.sends(data(2, { size: FULL, ending: false, immediate: true }));
    expect(windowOf(lastSack(peer))).toBeLessThanOrEqual(10_000 - FULL);
    peer.sends(data(3, { size: 4, ssn: 1, beginning: false, immediate: true }));
    peer.gets(sack(3, { advertisedWindow: 10_000 }));
  });

  it("is smaller by what waits behind a gap", () => {
    const { peer } = receiving({ parameters: { receiveBufferBytes: 10_000 } });
    peer.sends(data(3, { size: FULL }));
    expect(windowOf(lastSack(peer))).toBeLessThanOrEqual(10_000 - FULL);
  });

  it("that is closed: new DATA is dropped, not acknowledged, and answered at once", () => {
    const { peer } = established(holding);
    const last = fill(peer);
    peer.sends(data(last + 1, { size: FULL }));
    peer.gets(sack(last, { advertisedWindow: 0, gaps: [] }));
    peer.sends(data(last + 3, { size: FULL }));
    peer.gets(sack(last, { advertisedWindow: 0, gaps: [] }));
  });

  it("that opens is told without waiting for DATA", () => {
    const { peer, user } = established(holding);
    const last = fill(peer);
    user.consumes(last * FULL);
    const update = peer.skips(200).flatMap(({ chunks }) => chunks);
    expect(update).toMatchObject([sack(last)]);
    expect(windowOf(update[0])).toBe(10_000);
  });

  it("that opens bit by bit is not told each time", () => {
    const { peer, user } = established(holding);
    const last = fill(peer);
    let updates = 0;
    for (let taken = 0; taken < last * FULL; taken += 24) {
      user.consumes(24);
      updates += peer.skips().length;
    }
    // At least a quarter of the buffer each time, as section 6.2 suggests, is four of them.
    expect(updates).toBeGreaterThan(0);
    expect(updates).toBeLessThanOrEqual(5);
  });

  it("avoids the silly window: it says 0 rather than less than would hold a packet", () => {
    const { peer, user } = established(holding);
    const last = fill(peer);
    user.consumes(50);
    peer.skips();
    peer.sends(data(last, { immediate: true }));
    expect(windowOf(lastSack(peer))).toBe(0);
  });

  it("that is closed: DATA that fills the first gap is taken all the same", () => {
    const { peer } = established(holding);
    peer.sends(data(1, { size: 4, immediate: true }));
    peer.skips();
    // TSN 2 is missing; TSNs from 3 on fill the buffer.
    let highest = 2;
    for (let report = sack(1, { advertisedWindow: 1 }); windowOf(report) > 0; report = lastSack(peer)) {
      highest += 1;
      peer.sends(data(highest, { size: FULL }));
      expect(highest).toBeLessThan(30);
    }
    peer.sends(data(2, { size: FULL }));
    const report = lastSack(peer);
    expect(report["cumulativeTsn"], "TSN 2 was taken").toBeGreaterThanOrEqual(highest - 1);
  });
});

describe("6.2 where a SACK goes, and other rules", () => {
  it("6.4 and 6.7 SACK goes to where the last DATA came from", () => {
    const { peer } = receiving({ peerAddresses: [PEER, PEER_TOO] });
    peer.sendsFrom(PEER_TOO, data(2, { immediate: true }));
    peer.gets(to(PEER_TOO, sack(2)));
    peer.sendsFrom(PEER, data(3, { immediate: true }));
    peer.gets(to(PEER, sack(3)));
  });

  it("the delayed SACK goes to where the DATA came from, too", () => {
    const { peer } = receiving({ peerAddresses: [PEER, PEER_TOO] });
    peer.sendsFrom(PEER_TOO, data(2));
    peer.getsAfter(200, to(PEER_TOO, sack(2)));
  });

  it("DATA without user data is answered by ABORT with the cause", () => {
    const { peer, user } = receiving();
    // Type 0, B and E, length 16; TSN 2.
    peer.sendsPacket({ body: [0, 3, 0, 16, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0] });
    peer.gets(abort({ causes: [{ type: "NO_USER_DATA", code: 9, tsn: 2 }] }));
    expect(user.state).toBe("closed");
  });

  it("the endpoint never sends DATA without user data", () => {
    const { peer, user } = established();
    expect(user.tries({ size: 0 })).toBe("bad-length");
    peer.getsNothing();
  });

  it("a SACK that waits is not lost when the association has nothing to send for long", () => {
    const { peer } = receiving();
    peer.sends(data(2));
    peer.getsAfter(200, sack(2));
    peer.sends(data(2));
    peer.gets(sack(2, { duplicates: [2] }));
  });

  it("3.3.8 and 6.2 after SHUTDOWN was asked for, DATA is acknowledged until nothing is outstanding", () => {
    const { peer, user } = receiving();
    user.sends(100);
    peer.gets(data(1));
    user.shutsDown();
    peer.sends(data(2));
    peer.sends(data(3));
    peer.gets(sack(3));
    expect(user.state).toBe("shutdown-pending");
  });
});
