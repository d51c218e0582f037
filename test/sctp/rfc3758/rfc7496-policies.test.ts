import { describe, expect, it } from "vitest";
import { FULL } from "../rfc9260/kit.ts";
import { data, sack } from "../rfc9260/sketches.ts";
import { agreed, forward, lives, retransmitted, urgent } from "./kit.ts";

describe("RFC 7496 3.1: limited retransmissions", () => {
  it.each([0, 1, 2, 3, 5])("T3 sends it again %d times, and then FORWARD TSN", (limit) => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...retransmitted(limit) });
    peer.gets(data(1));
    let waitMs = 1000;
    for (let time = 0; time < limit; time += 1, waitMs *= 2) peer.getsAfter(waitMs, data(1));
    peer.getsAfter(waitMs, forward(1, [0, 0]));
  });

  it("fast retransmissions count: none is left for T3", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...retransmitted(1) }, FULL, FULL, FULL);
    peer.skips();
    for (const last of [2, 3, 4]) peer.sends(sack(0, { gaps: [[2, last]] }));
    peer.gets(data(1));
    peer.getsAfter(1000, forward(1, [0, 0]));
  });

  it("0: given up by the third missing report", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...retransmitted(0) }, FULL, FULL, FULL);
    peer.skips();
    for (const last of [2, 3]) peer.sends(sack(0, { gaps: [[2, last]] }));
    peer.getsNothing();
    peer.sends(sack(0, { gaps: [[2, 4]] }));
    peer.gets(forward(1, [0, 0]));
  });

  it("the limit is that of each chunk: one that exceeds it takes the message with it", () => {
    const { peer, user } = agreed();
    user.sends({ size: 2 * FULL, ...retransmitted(1) });
    peer.gets(data(1), data(2));
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.getsAfter(1000, data(1));
    peer.getsAfter(2000, forward(2, [0, 0]));
  });

  it("a chunk that was never sent again is given up with the one that was", () => {
    const { peer, user } = agreed({ peerWindow: 1500 });
    user.sends({ size: 3 * FULL, ...retransmitted(1) });
    peer.gets(data(1));
    peer.getsAfter(1000, data(1));
    peer.getsAfter(2000, forward(2, [0, 0]));
  });

  it("messages with different limits go their own ways", () => {
    const { peer, user } = agreed();
    user.sends(
      { size: 100, ...retransmitted(0) },
      { size: 100, ...retransmitted(1) },
      { size: 100, ...retransmitted(2) },
    );
    peer.gets([data(1), data(2), data(3)]);
    peer.getsAfter(1000, [forward(1, [0, 0]), data(2), data(3)]);
    peer.getsAfter(2000, [forward(2, [0, 1]), data(3)]);
    peer.getsAfter(4000, forward(3, [0, 2]));
  });

  it("no time limits it", () => {
    const { peer, user } = agreed();
    user.sends({ size: 100, ...retransmitted(4) });
    peer.skips();
    for (const waitMs of [1000, 2000, 4000, 8000]) peer.getsAfter(waitMs, data(1));
  });

  it("a message that was not sent at all waits as long as it takes", () => {
    const { peer, user } = agreed({ peerWindow: 2000 });
    user.sends(FULL, FULL, { size: FULL, ...retransmitted(0) });
    peer.gets(data(1), data(2));
    for (let round = 0; round < 5; round += 1) peer.skips(1000);
    peer.sends(sack(2));
    peer.skips();
    peer.sends(sack(2, { advertisedWindow: 5000 }));
    expect(user.hears()).not.toContain("send-failed");
  });

  it("3.1 all else of a retransmission is done: window and RTO", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...retransmitted(0) });
    peer.skips(1000);
    expect(peer.path()).toMatchObject({ windowBytes: 1000, slowStartThresholdBytes: 4000, rtoMs: 2000 });
  });
});

/** Fills a send buffer of four full messages with these policies; all but what the window takes waits. */
function filled(...policies: readonly object[]): ReturnType<typeof agreed> {
  const script = agreed({ peerWindow: 1500, parameters: { sendBufferBytes: 4 * FULL } });
  // The first one fills the peer's window; it and the following stay where they are.
  script.user.sends(
    FULL,
    ...policies.map((policy, index) => ({ size: FULL, context: index + 1, ...policy })),
  );
  script.peer.gets(data(1));
  script.peer.notifications.length = 0;
  return script;
}

const givenUp = ({ peer }: ReturnType<typeof agreed>): unknown[] =>
  peer.notifications.flatMap((each) => (each.type === "send-failed" ? [each.context] : []));

describe("RFC 7496 3.2: priorities, when the send buffer is full", () => {
  it("a more urgent message takes the place of a less urgent one", () => {
    const script = filled(urgent(3), urgent(3), urgent(3));
    expect(script.user.tries({ size: FULL, ...urgent(2) })).toBe("accepted");
    expect(givenUp(script)).toEqual([1]);
  });

  it("one of the same priority takes no place", () => {
    const script = filled(urgent(3), urgent(3), urgent(3));
    expect(script.user.tries({ size: FULL, ...urgent(3) })).toBe("queue-full");
    expect(givenUp(script)).toEqual([]);
  });

  it("a less urgent one takes no place", () => {
    const script = filled(urgent(3), urgent(3), urgent(3));
    expect(script.user.tries({ size: FULL, ...urgent(4) })).toBe("queue-full");
    expect(givenUp(script)).toEqual([]);
  });

  it("a reliable one takes the place of any that has a priority", () => {
    const script = filled(urgent(0), urgent(0), urgent(0));
    expect(script.user.tries({ size: FULL })).toBe("accepted");
    expect(givenUp(script)).toEqual([1]);
  });

  it.each([
    ["reliable ones", {}],
    ["ones with a lifetime", lives(1000)],
    ["ones with limited retransmissions", retransmitted(0)],
  ] as const)("%s stay, whatever comes", (_, policy) => {
    const script = filled(policy, policy, policy);
    expect(script.user.tries({ size: FULL, ...urgent(0) })).toBe("queue-full");
    expect(script.user.tries({ size: FULL })).toBe("queue-full");
    expect(givenUp(script)).toEqual([]);
  });

  it.each([
    ["a lifetime", lives(1000)],
    ["limited retransmissions", retransmitted(0)],
  ] as const)("one with %s takes no place", (_, policy) => {
    const script = filled(urgent(5), urgent(5), urgent(5));
    expect(script.user.tries({ size: FULL, ...policy })).toBe("queue-full");
    expect(givenUp(script)).toEqual([]);
  });

  it("as many are given up as are needed", () => {
    const script = filled(urgent(3), urgent(3), urgent(3));
    expect(script.user.tries({ size: 2 * FULL, ...urgent(1) })).toBe("accepted");
    expect(givenUp(script)).toEqual([1, 2]);
  });

  it("none is given up where that would not be enough", () => {
    const script = filled(urgent(3), {}, urgent(3));
    expect(script.user.tries({ size: 3 * FULL, ...urgent(1) })).toBe("queue-full");
    expect(givenUp(script)).toEqual([]);
  });

  it("the least urgent of different streams goes first", () => {
    const script = filled(
      { ...urgent(3), streamId: 1 },
      { ...urgent(9), streamId: 2 },
      { ...urgent(5), streamId: 3 },
    );
    expect(script.user.tries({ size: FULL, ...urgent(1) })).toBe("accepted");
    expect(givenUp(script)).toEqual([2]);
  });

  it("nothing is given up while there is room", () => {
    const script = filled(urgent(9), urgent(9));
    expect(script.user.tries({ size: FULL, ...urgent(1) })).toBe("accepted");
    expect(givenUp(script)).toEqual([]);
  });

  it("what was not sent leaves no trace with the peer", () => {
    const { peer, user } = filled(urgent(3), urgent(3), urgent(3));
    user.sends({ size: 700, ...urgent(1) });
    peer.sends(sack(1, { advertisedWindow: 10_000 }));
    peer.gets(data(2, { ssn: 1 }), data(3, { ssn: 2 }), data(4, { ssn: 3, size: 700 }));
  });

  it("what was sent is skipped when the next SACK shows that it is missing", () => {
    const { peer, user } = agreed({ parameters: { sendBufferBytes: 2 * FULL } });
    user.sends({ size: FULL, ...urgent(3) }, { size: FULL, ...urgent(3) });
    peer.gets(data(1), data(2));
    user.sends({ size: FULL, ...urgent(1) });
    peer.gets(data(3));
    peer.sends(sack(0, { gaps: [[2, 3]] }));
    peer.gets(forward(1, [0, 0]));
  });

  it("what was sent and came through is acknowledged as ever", () => {
    const { peer, user } = agreed({ parameters: { sendBufferBytes: 2 * FULL } });
    user.sends({ size: FULL, ...urgent(3) }, { size: FULL, ...urgent(3) });
    peer.skips();
    user.sends({ size: FULL, ...urgent(1) });
    peer.skips();
    peer.sends(sack(3));
    peer.getsNothingFor(100_000);
  });

  it("where the buffer never fills, they are sent again as often as it takes", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...urgent(7) });
    peer.gets(data(1));
    for (const waitMs of [1000, 2000, 4000, 8000]) peer.getsAfter(waitMs, data(1));
  });

  it("the order in which they are sent is that of any other message", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...urgent(9) }, { size: FULL, ...urgent(1) });
    peer.gets(data(1, { ssn: 0 }), data(2, { ssn: 1 }));
  });

  it("a message in fragments of which some were sent is given up as a whole", () => {
    const { peer, user } = agreed({ peerWindow: 2000, parameters: { sendBufferBytes: 4 * FULL } });
    user.sends({ size: 4 * FULL, ...urgent(5) });
    peer.gets(data(1), data(2));
    user.sends({ size: 3 * FULL, ...urgent(1) });
    peer.skips();
    peer.sends(sack(2));
    expect(peer.arrivals.splice(0).flatMap(({ chunks }) => chunks)[0]).toMatchObject(forward(3, [0, 0]));
  });

  it("the congestion window does not grow by what was given up", () => {
    const { peer, user } = agreed({ parameters: { sendBufferBytes: 4 * FULL } });
    user.sends(...Array.from({ length: 4 }, () => ({ size: FULL, ...urgent(5) })));
    peer.skips();
    user.sends(FULL);
    peer.gets(data(5));
    // The window of four packets is in full use, and TSN 1 was given up.
    peer.sends(sack(1));
    expect(peer.cwnd).toBe(4000);
    peer.sends(sack(2));
    expect(peer.cwnd).toBe(5000);
  });
});
