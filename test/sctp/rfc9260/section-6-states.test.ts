import { describe, expect, it } from "vitest";
import { FULL, established, full, receiving, sending, start } from "./kit.ts";
import type { Peer, Script } from "./kit.ts";
import {
  abort,
  cookieAck,
  cookieEcho,
  data,
  init,
  initAck,
  sack,
  shutdown,
  shutdownAck,
} from "./sketches.ts";

const chunksOf = (peer: Peer, ms = 0) => peer.skips(ms).flatMap(({ chunks }) => chunks);

/** SHUTDOWN-ACK-SENT after the peer's TSN 1. */
function shutdownAckSent(): Script {
  const script = receiving();
  script.peer.sends(shutdown(0));
  script.peer.gets(shutdownAck());
  return script;
}

describe("6 DATA and SACK by state", () => {
  it("DATA in SHUTDOWN-ACK-SENT is discarded", () => {
    const { peer, user } = shutdownAckSent();
    peer.sends(data(2));
    expect(user.takes()).toEqual([]);
    expect(chunksOf(peer, 500).map(({ type }) => type)).not.toContain("SACK");
    expect(user.state).toBe("shutdown-ack-sent");
  });

  it("SACK in SHUTDOWN-SENT and SHUTDOWN-ACK-SENT changes nothing", () => {
    const sent = receiving();
    sent.user.shutsDown();
    sent.peer.gets(shutdown(1));
    for (const { peer, user } of [sent, shutdownAckSent()]) {
      const before = user.state;
      peer.sends(sack(0, { advertisedWindow: 0 }));
      peer.getsNothing();
      expect(user.state).toBe(before);
    }
  });

  it("SACK in SHUTDOWN-PENDING and SHUTDOWN-RECEIVED is processed, gap blocks and all", () => {
    const pending = full(8);
    pending.user.shutsDown();
    const received = full(8);
    received.peer.sends(shutdown(0));
    for (const { peer } of [pending, received]) {
      for (const last of [2, 3, 4]) peer.sends(sack(0, { gaps: [[2, last]] }));
      peer.gets(data(1));
    }
  });

  it("SACK and DATA in COOKIE-WAIT belong nowhere", () => {
    const { peer, user } = start();
    user.connects();
    peer.takesInit();
    peer.sends(data(1));
    peer.sends(sack(0));
    peer.skips();
    expect(user.takes()).toEqual([]);
    peer.skips();
    peer.sends(initAck());
    expect(chunksOf(peer)).toMatchObject([cookieEcho()]);
  });

  it("the user may abort in COOKIE-WAIT: nothing more is sent", () => {
    const { peer, user } = start();
    user.connects();
    peer.takesInit();
    user.aborts();
    peer.skips();
    peer.getsNothingFor(100_000);
    peer.sends(initAck());
    expect(chunksOf(peer).map(({ type }) => type)).not.toContain("COOKIE_ECHO");
  });

  it("the user may shut down in COOKIE-ECHOED: it happens when the association is there", () => {
    const { peer, user } = start();
    user.connects();
    peer.takesInit();
    peer.sends(initAck());
    peer.gets(cookieEcho());
    user.shutsDown();
    peer.sends(cookieAck());
    peer.gets(shutdown(0));
  });

  it("ABORT in SHUTDOWN-PENDING ends it", () => {
    const { peer, user } = sending(2);
    user.shutsDown();
    peer.sends(abort());
    expect(user.state).toBe("closed");
    peer.getsNothingFor(100_000);
  });

  it("in SHUTDOWN-PENDING a peer that does not answer is given up", () => {
    const { peer, user } = sending(1, { parameters: { associationMaxRetrans: 2, rtoMaxMs: 1000 } });
    user.shutsDown();
    peer.skips(10_000);
    expect(user.state).toBe("closed");
    expect(user.hears()).toContain("comm-lost");
  });

  it("9.2 the last DATA before a shutdown asks for a SACK without delay", () => {
    const { peer, user } = sending(4);
    user.sends(FULL, FULL);
    user.shutsDown();
    peer.sends(sack(2));
    // RFC 7053 section 5.2 suggests it: the I bit on the last chunk.
    peer.gets(data(5), data(6, { immediate: true }));
  });
});

describe("6.2 DATA that cannot be", () => {
  it("far above the window it is not taken in, and the association goes on", () => {
    const { peer, user } = receiving();
    for (const tsn of [1_000_000, 2 ** 31, 2 ** 31 - 1]) peer.sends(data(tsn, { ssn: 1 }));
    expect(user.takes()).toEqual([]);
    expect(user.state).toBe("established");
    peer.skips();
    peer.sends(data(2, { immediate: true }));
    peer.gets(sack(2, { gaps: [] }));
  });

  it("far below the cumulative TSN it is a duplicate", () => {
    const { peer, user } = receiving({ peerInitialTsn: 1000 });
    peer.sends(data(5, { ssn: 0 }));
    peer.gets(sack(1000, { duplicates: [5] }));
    expect(user.takes()).toEqual([]);
  });

  it("many duplicates make one SACK that fits a packet", () => {
    const { peer } = receiving();
    peer.sends(...Array.from({ length: 1000 }, () => data(1, { size: 1 })));
    const packets = peer.skips();
    expect(packets).toHaveLength(1);
    expect(packets[0]?.sizeBytes).toBeLessThanOrEqual(1012);
  });

  it("a fragment that belongs to no message ends the association or is passed over, and is never delivered", () => {
    const { peer, user } = receiving();
    peer.sends(data(2, { ssn: 1, beginning: false, ending: true }));
    peer.sends(data(3, { ssn: 2 }));
    expect(user.takes().some(({ ssn }) => ssn === 1)).toBe(false);
  });
});

describe("7.2.1 the idle clock", () => {
  it("does not run while DATA is out", () => {
    const { peer, user } = full(16, { parameters: { rtoInitialMs: 60_000, rtoMinMs: 60_000 } });
    peer.skips(30_000);
    peer.sends(sack(15));
    expect(peer.cwnd).toBe(17_000);
    peer.skips(29_000);
    user.sends(FULL);
    expect(peer.cwnd).toBe(17_000);
  });

  it("runs from the last DATA, not from the last HEARTBEAT or SACK", () => {
    const { peer, user } = full(16);
    peer.sends(sack(16));
    for (let beat = 0; beat < 5; beat += 1) {
      peer.skips(500);
      peer.sends({ type: "HEARTBEAT" });
      peer.sends(data(beat + 1));
    }
    peer.skips();
    user.sends(FULL);
    // 2500 ms: twice.
    expect(peer.cwnd).toBe(4250);
  });
});

describe("4 the call", () => {
  it("of a peer that refuses at first may be made again", () => {
    const { peer, user } = start();
    user.connects();
    peer.takesInit();
    peer.sends(abort());
    expect(user.hears()).toEqual(["cant-start"]);
    const old = peer.theirTag;
    user.connects();
    expect(peer.arrivals).toMatchObject([{ chunks: [init()] }]);
    peer.takesInit();
    expect(peer.theirTag).not.toBe(old);
    peer.sends(initAck());
    peer.sends(cookieAck());
    expect(user.state).toBe("established");
  });

  it("after a shutdown may be made again, under new tags", () => {
    const { peer, user } = established();
    const old = peer.theirTag;
    user.shutsDown();
    peer.skips();
    peer.sends(shutdownAck());
    peer.skips();
    user.connects();
    peer.takesInit();
    expect(peer.theirTag).not.toBe(old);
  });
});
