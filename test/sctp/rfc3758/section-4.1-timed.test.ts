import { describe, expect, it } from "vitest";
import { FULL, established } from "../rfc9260/kit.ts";
import { data, sack } from "../rfc9260/sketches.ts";
import { agreed, agreedAndFull, forward, lives } from "./kit.ts";

describe("4.1 TR1: without a lifetime a message is reliable", () => {
  it("it is sent until it is acknowledged", () => {
    const { peer, user } = agreed();
    user.sends(FULL);
    peer.gets(data(1));
    for (const waitMs of [1000, 2000, 4000, 8000]) peer.getsAfter(waitMs, data(1));
  });
});

describe("4.1 TR2: before its lifetime has expired a message is reliable", () => {
  it("T3 sends it again", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...lives(1500) });
    peer.gets(data(1));
    peer.getsAfter(1000, data(1));
  });

  it("missing reports send it again", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...lives(10_000) }, FULL, FULL, FULL);
    peer.skips();
    for (const last of [2, 3, 4]) peer.sends(sack(0, { gaps: [[2, last]] }));
    peer.gets(data(1));
  });

  it("it is delivered and acknowledged like any other", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...lives(10) });
    peer.gets(data(1));
    peer.skips(500);
    peer.sends(sack(1));
    peer.getsNothingFor(100_000);
    expect(user.hears()).not.toContain("send-failed");
  });

  it.each([
    // Lifetime, and how often T3 sends it again before that.
    [1, 0],
    [999, 0],
    [1000, 0],
    [1001, 1],
    [2999, 1],
    [3000, 1],
    [3001, 2],
    [7001, 3],
  ] as const)("%d ms: T3 sends it again %d times, at 1, 3 and 7 s", (lifetimeMs, times) => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...lives(lifetimeMs) });
    peer.gets(data(1));
    let waitMs = 1000;
    for (let time = 0; time < times; time += 1, waitMs *= 2) peer.getsAfter(waitMs, data(1));
    peer.getsAfter(waitMs, forward(1, [0, 0]));
  });
});

describe("4.1 TR3: what expires before it has a TSN", () => {
  /** Four full packets fill the congestion window. */
  const blocked = (): ReturnType<typeof agreed> => {
    const script = agreed();
    script.user.sends(FULL, FULL, FULL, FULL);
    script.peer.skips();
    return script;
  };

  it("never gets one, and the peer hears nothing of it", () => {
    const { peer, user } = blocked();
    user.sends({ size: 100, ...lives(500) }, 200);
    peer.skips(600);
    peer.sends(sack(4));
    peer.gets(data(5, { size: 200 }));
    peer.sends(sack(5));
    peer.getsNothingFor(100_000);
  });

  it("uses up no SSN", () => {
    const { peer, user } = blocked();
    user.sends({ size: 100, ...lives(500) }, 200);
    peer.skips(600);
    peer.sends(sack(4));
    peer.gets(data(5, { ssn: 4 }));
  });

  it("is told to the user as not sent, with its context", () => {
    const { peer, user } = blocked();
    peer.notifications.length = 0;
    user.sends({ size: 100, context: 3, ...lives(500) });
    peer.skips(600);
    peer.sends(sack(4));
    expect(peer.notifications.filter(({ type }) => type === "send-failed")).toMatchObject([
      { context: 3, sent: false, reason: "expired" },
    ]);
  });

  it("one that is not expired is sent", () => {
    const { peer, user } = blocked();
    user.sends({ size: 100, ...lives(500) });
    peer.skips(400);
    peer.sends(sack(4));
    peer.gets(data(5));
  });

  it("several at once, of several streams, are all dropped", () => {
    const { peer, user } = blocked();
    for (const streamId of [0, 1, 2]) user.sends({ size: 100, streamId, ...lives(500) });
    user.sends({ size: 50, streamId: 1 });
    peer.skips(600);
    peer.sends(sack(4));
    peer.gets(data(5, { size: 50, streamId: 1, ssn: 0 }));
  });

  it("one behind a reliable message is dropped when its turn comes", () => {
    const { peer, user } = blocked();
    user.sends(FULL, { size: 100, ...lives(500) }, 30);
    peer.skips(600);
    peer.sends(sack(4));
    peer.gets(data(5), data(6, { size: 30 }));
  });

  it("for want of the peer's window, likewise", () => {
    const { peer, user } = agreed({ peerWindow: 2000 });
    user.sends(FULL, FULL, { size: FULL, ...lives(300) });
    peer.gets(data(1), data(2));
    peer.skips(400);
    peer.sends(sack(2));
    peer.getsNothingFor(100_000);
  });

  it("a lifetime of 0: what can leave at once leaves once", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...lives(0) });
    peer.gets(data(1));
    peer.getsAfter(1000, forward(1, [0, 0]));
  });

  it("also where FORWARD TSN was not agreed", () => {
    const { peer, user } = established();
    user.sends(FULL, FULL, FULL, FULL);
    user.sends({ size: 100, ...lives(500) }, 200);
    peer.skips(600);
    peer.sends(sack(4));
    peer.gets(data(5, { size: 200 }));
  });
});

describe("4.1 TR4: what expires with a TSN", () => {
  it("is given up when T3 would send it again", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...lives(500) });
    peer.gets(data(1));
    peer.getsAfter(1000, forward(1, [0, 0]));
  });

  it("is given up when missing reports would send it again", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...lives(500) }, FULL, FULL, FULL);
    peer.skips();
    for (const last of [2, 3]) peer.sends(sack(0, { gaps: [[2, last]] }));
    peer.skips(600);
    peer.sends(sack(0, { gaps: [[2, 4]] }));
    peer.gets(forward(1, [0, 0]));
  });

  it("is given up when it waits to be sent again, and its turn comes too late", () => {
    const { peer, user } = agreed();
    user.sends(FULL, FULL, { size: FULL, ...lives(1500) }, FULL);
    peer.skips();
    // One packet after T3; the others wait for the SACK.
    peer.getsAfter(1000, data(1));
    peer.skips(900);
    peer.sends(sack(1));
    peer.gets(data(2), data(4));
    peer.sends(sack(2, { gaps: [[4, 4]] }));
    peer.gets(forward(3, [0, 2]));
  });

  it("is not given up as long as nothing is to be done with it: its SACK may come late", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...lives(100) });
    peer.skips(900);
    peer.sends(sack(1));
    peer.getsNothingFor(100_000);
    expect(user.hears()).not.toContain("send-failed");
  });

  it("in fragments: when the next one is to be sent", () => {
    const { peer, user } = agreed();
    user.sends({ size: 6 * FULL, ...lives(500) }, 70);
    peer.gets(data(1), data(2), data(3), data(4));
    peer.skips(600);
    peer.sends(sack(2));
    // TSN 3 and 4 are under way, 5 is the rest of it; the peer is at 2.
    const chunks = peer.skips().flatMap((packet) => packet.chunks);
    expect(chunks).toContainEqual(
      expect.objectContaining({ ...forward(5), streams: [{ streamId: 0, ssn: 0 }] }),
    );
    expect(chunks).toContainEqual(expect.objectContaining({ type: "DATA", tsn: 6, size: 70, ssn: 1 }));
  });

  it("where FORWARD TSN was not agreed it is sent to the end", () => {
    const { peer, user } = established();
    user.sends({ size: FULL, ...lives(500) });
    peer.gets(data(1));
    for (const waitMs of [1000, 2000, 4000]) peer.getsAfter(waitMs, data(1));
  });
});

describe("4.1 TR5, TR6", () => {
  it("what has expired is given up by the first report that it is missing", () => {
    const { peer, user } = agreed();
    user.sends({ size: FULL, ...lives(500) }, FULL, FULL, FULL);
    peer.skips(600);
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.gets(forward(1, [0, 0]));
    // One report says nothing of the network.
    expect(peer.cwnd).toBeGreaterThanOrEqual(4000);
  });

  it("F5: the third report adjusts the congestion window all the same", () => {
    const { peer, user } = agreedAndFull(16);
    peer.sends(sack(16));
    user.sends({ size: FULL, ...lives(500) }, ...Array.from({ length: 15 }, () => FULL));
    peer.skips(600);
    const before = peer.cwnd;
    peer.sends(sack(16, { gaps: [[18, 18]] }));
    peer.gets(forward(17, [0, 28]));
    expect(peer.cwnd).toBe(before);
    for (const last of [19, 20]) peer.sends(sack(16, { gaps: [[18, last]] }));
    expect(peer.cwnd).toBe(Math.floor(before / 2));
  });

  it("a message in fragments of which one is missing then, as a whole", () => {
    const { peer, user } = agreed();
    user.sends({ size: 3 * FULL, ...lives(500) });
    peer.skips(600);
    peer.sends(sack(0, { gaps: [[2, 3]] }));
    peer.gets(forward(3, [0, 0]));
  });

  it("where FORWARD TSN was not agreed reports change nothing", () => {
    const { peer, user } = established();
    user.sends({ size: FULL, ...lives(500) }, FULL, FULL, FULL);
    peer.skips(600);
    peer.sends(sack(0, { gaps: [[2, 2]] }));
    peer.getsNothing();
  });

  it("each message has its own lifetime, counted from when it was given", () => {
    const { peer, user } = agreed();
    user.sends({ size: 100, ...lives(1500) });
    peer.skips(800);
    user.sends({ size: 100, ...lives(1500) });
    peer.gets(data(2));
    peer.getsAfter(200, [data(1), data(2)]);
    // At 3 s the first, of 1.5 s, and the second, of 2.3 s, are over.
    peer.getsAfter(2000, forward(2, [0, 1]));
  });

  it("what was given up for its time does not touch what is sent beside it", () => {
    const { peer, user } = agreedAndFull(8);
    peer.sends(sack(8));
    user.sends({ size: FULL, ...lives(10) }, ...Array.from({ length: 6 }, () => FULL));
    peer.skips(50);
    for (const last of [10, 11, 12]) peer.sends(sack(8, { gaps: [[10, last]] }));
    peer.gets(forward(9, [0, 12]));
    peer.sends(sack(15));
    peer.getsNothingFor(100_000);
  });
});
