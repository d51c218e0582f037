import { describe, expect, it } from "vitest";
import { FULL, PEER, PEER_TOO, established, receiving, sending, start } from "./kit.ts";
import type { Script, Setting } from "./kit.ts";
import {
  abort,
  cookieAck,
  cookieEcho,
  data,
  heartbeat,
  init,
  initAck,
  sack,
  shutdown,
  shutdownAck,
  shutdownComplete,
  to,
  withTag,
} from "./sketches.ts";

/** SHUTDOWN-SENT, with SHUTDOWN seen by the script. */
function shutdownSent(setting: Setting = {}): Script {
  const script = receiving(setting);
  script.user.shutsDown();
  script.peer.gets(shutdown(1));
  script.user.hears();
  return script;
}

/** SHUTDOWN-ACK-SENT, with SHUTDOWN ACK seen by the script. */
function shutdownAckSent(setting: Setting = {}): Script {
  const script = receiving(setting);
  script.peer.sends(shutdown(0));
  script.peer.gets(shutdownAck());
  script.user.hears();
  return script;
}

describe("9.1 abort", () => {
  it("by the user: ABORT with the reason, the peer's tag and no DATA", () => {
    const { peer, user } = sending(2);
    user.aborts("I am late");
    const value = new TextEncoder().encode("I am late");
    peer.gets(withTag(peer.tag, abort({ tagReflected: false, causes: [{ code: 12, value }] })));
    expect(user.state).toBe("closed");
    peer.getsNothingFor(100_000);
  });

  it("by the peer: the association is gone, the user hears of it, and nothing is answered", () => {
    const { peer, user } = sending(2);
    peer.sends(abort());
    peer.getsNothing();
    expect(user.hears()).toContain("comm-lost");
    expect(user.state).toBe("closed");
    peer.getsNothingFor(100_000);
  });

  it("by the peer's user: its reason is told", () => {
    const { peer } = receiving();
    peer.sends(
      abort({ causes: [{ type: "USER_INITIATED_ABORT", code: 12, value: Uint8Array.from([104, 105]) }] }),
    );
    const told = peer.notifications.find(
      (each) => each.type === "association-change" && each.state === "comm-lost",
    );
    expect(JSON.stringify(told)).toContain("hi");
  });

  it("ends the processing of its packet: chunks behind it count nothing", () => {
    const { peer, user } = receiving();
    peer.sends(abort(), data(2));
    expect(user.takes()).toEqual([]);
    peer.getsNothing();
  });

  it("takes effect after the chunks in front of it", () => {
    const { peer, user } = receiving();
    peer.sends(data(2), abort());
    expect(user.takes()).toHaveLength(1);
    expect(user.state).toBe("closed");
  });

  it("is never answered, in no state", () => {
    for (const make of [receiving, shutdownSent, shutdownAckSent, () => sending(1)]) {
      const { peer, user } = make();
      peer.sends(abort());
      peer.getsNothing();
      expect(user.state).toBe("closed");
    }
  });

  it("user data that was not acknowledged is handed back", () => {
    const { peer, user } = sending(2);
    peer.sends(abort());
    expect(user.hears().filter((each) => each === "send-failed")).toHaveLength(2);
  });
});

describe("9.2 shutdown by the user", () => {
  it("with nothing outstanding: SHUTDOWN at once, then SHUTDOWN COMPLETE for SHUTDOWN ACK", () => {
    const { peer, user } = shutdownSent();
    peer.sends(shutdownAck());
    peer.gets(withTag(peer.tag, shutdownComplete({ tagReflected: false })));
    expect(user.hears()).toContain("shutdown-complete");
    expect(user.state).toBe("closed");
    peer.getsNothingFor(100_000);
  });

  it("waits until everything is acknowledged", () => {
    const { peer, user } = sending(2);
    user.shutsDown();
    peer.getsNothing();
    expect(user.state).toBe("shutdown-pending");
    peer.sends(sack(1));
    peer.getsNothing();
    peer.sends(sack(2));
    peer.gets(shutdown(0));
    expect(user.state).toBe("shutdown-sent");
  });

  it("sends what is queued first", () => {
    const { peer, user } = sending(4);
    user.sends(FULL);
    user.shutsDown();
    peer.sends(sack(4));
    peer.gets(data(5));
    peer.sends(sack(5));
    peer.gets(shutdown(0));
  });

  it("retransmits while it waits", () => {
    const { peer, user } = sending(1);
    user.shutsDown();
    peer.getsAfter(1000, data(1));
    peer.sends(sack(1));
    peer.gets(shutdown(0));
  });

  it("takes nothing from the user any more", () => {
    const pending = sending(1);
    pending.user.shutsDown();
    const received = sending(1);
    received.peer.sends(shutdown(0));
    for (const { user } of [pending, received, shutdownSent(), shutdownAckSent()])
      expect(user.tries()).toBe("not-connected");
  });

  it("DATA still arrives in SHUTDOWN-PENDING, and is acknowledged as ever", () => {
    const { peer, user } = sending(1);
    user.shutsDown();
    peer.sends(data(1));
    expect(user.takes()).toHaveLength(1);
    peer.skips(200);
    peer.sends(data(2));
    peer.getsAfter(200, sack(2));
  });

  it("of an association that the peer shuts down already changes nothing", () => {
    const { peer, user } = sending(1);
    peer.sends(shutdown(0));
    user.shutsDown();
    peer.getsNothing();
    expect(user.state).toBe("shutdown-received");
    peer.sends(sack(1));
    peer.gets(shutdownAck());
  });
});

describe("9.2 T2-shutdown", () => {
  it("SHUTDOWN comes again after the RTO, with the back-off of T3", () => {
    const { peer } = shutdownSent();
    for (const waitMs of [1000, 2000, 4000]) peer.getsAfter(waitMs, shutdown(1));
  });

  it("SHUTDOWN ACK comes again after the RTO, with the back-off of T3", () => {
    const { peer } = shutdownAckSent();
    for (const waitMs of [1000, 2000, 4000]) peer.getsAfter(waitMs, shutdownAck());
  });

  it("ends after Association.Max.Retrans repetitions of SHUTDOWN, and the user hears that the peer is lost", () => {
    const { peer, user } = shutdownSent({ parameters: { associationMaxRetrans: 3, rtoMaxMs: 1000 } });
    for (let again = 0; again < 3; again += 1) peer.getsAfter(1000, shutdown(1));
    peer.getsNothingFor(1000);
    expect(user.state).toBe("closed");
    expect(user.hears()).toContain("comm-lost");
  });

  it("ends after Association.Max.Retrans repetitions of SHUTDOWN ACK", () => {
    const { peer, user } = shutdownAckSent({ parameters: { associationMaxRetrans: 3, rtoMaxMs: 1000 } });
    for (let again = 0; again < 3; again += 1) peer.getsAfter(1000, shutdownAck());
    peer.getsNothingFor(1000);
    expect(user.state).toBe("closed");
    expect(user.hears()).toContain("comm-lost");
  });

  it("begins anew, count and all, with each packet of DATA that comes", () => {
    const { peer, user } = shutdownSent({ parameters: { associationMaxRetrans: 2, rtoMaxMs: 1000 } });
    // T5 ends it after 5 RTO.Max.
    for (let tsn = 2; tsn <= 5; tsn += 1) {
      peer.getsAfter(1000, shutdown(tsn - 1));
      peer.sends(data(tsn));
      expect(peer.skips().flatMap(({ chunks }) => chunks)).toContainEqual(
        expect.objectContaining({ type: "SHUTDOWN" }),
      );
    }
    expect(user.state).toBe("shutdown-sent");
  });

  it("carries the cumulative TSN of then", () => {
    const { peer } = shutdownSent();
    peer.sends(data(2));
    peer.skips();
    peer.getsAfter(1000, shutdown(2));
  });

  it("6.4 SHUTDOWN tries another path when it comes again", () => {
    const { peer, user } = established({ peerAddresses: [PEER, PEER_TOO] });
    user.shutsDown();
    peer.gets(to(PEER, shutdown(0)));
    peer.getsAfter(1000, to(PEER_TOO, shutdown(0)));
  });
});

describe("9.2 in SHUTDOWN-SENT", () => {
  it("each packet with DATA is answered at once by SHUTDOWN that acknowledges it", () => {
    const { peer, user } = shutdownSent();
    peer.sends(data(2), data(3));
    expect(user.takes()).toHaveLength(2);
    peer.gets(shutdown(3));
    peer.getsNothingFor(900);
  });

  it("and restarts T2-shutdown", () => {
    const { peer } = shutdownSent();
    peer.getsNothingFor(600);
    peer.sends(data(2));
    peer.skips();
    peer.getsAfter(1000, shutdown(2));
  });

  it("where there is a gap a SACK is sent as well", () => {
    const { peer } = shutdownSent();
    peer.sends(data(3));
    const answer = peer.skips().flatMap(({ chunks }) => chunks);
    expect(answer).toContainEqual(expect.objectContaining({ type: "SHUTDOWN", cumulativeTsn: 1 }));
    expect(answer).toContainEqual(expect.objectContaining(sack(1, { gaps: [[3, 3]] })));
  });

  it("for a duplicate a SACK is sent as well", () => {
    const { peer } = shutdownSent();
    peer.sends(data(1));
    const answer = peer.skips().flatMap(({ chunks }) => chunks);
    expect(answer).toContainEqual(expect.objectContaining({ type: "SHUTDOWN" }));
    expect(answer).toContainEqual(expect.objectContaining(sack(1, { duplicates: [1] })));
  });

  it("SHUTDOWN that crosses ours is answered by SHUTDOWN ACK", () => {
    const { peer, user } = shutdownSent();
    peer.sends(shutdown(0));
    peer.gets(shutdownAck());
    expect(user.state).toBe("shutdown-ack-sent");
    peer.getsAfter(1000, shutdownAck());
  });

  it("both sides in SHUTDOWN-ACK-SENT: SHUTDOWN ACK ends it with SHUTDOWN COMPLETE", () => {
    const { peer, user } = shutdownSent();
    peer.sends(shutdown(0));
    peer.skips();
    peer.sends(shutdownAck());
    peer.gets(shutdownComplete({ tagReflected: false }));
    expect(user.state).toBe("closed");
  });

  it("SHUTDOWN COMPLETE is discarded", () => {
    const { peer, user } = shutdownSent();
    peer.sends(shutdownComplete());
    peer.getsNothing();
    expect(user.state).toBe("shutdown-sent");
  });

  it("T5-shutdown-guard aborts after 5 times RTO.Max, whatever the peer goes on sending", () => {
    const { peer, user } = shutdownSent({ parameters: { rtoMaxMs: 2000 } });
    for (let tsn = 2; tsn <= 20; tsn += 1) {
      peer.skips(500);
      peer.sends(data(tsn));
    }
    peer.skips(499);
    expect(user.state).toBe("shutdown-sent");
    expect(peer.skips(1).flatMap(({ chunks }) => chunks)).toMatchObject([abort()]);
    expect(user.state).toBe("closed");
  });

  it("8.3 there are no more HEARTBEATs", () => {
    const { peer } = shutdownSent({ parameters: { heartbeatIntervalMs: 2000 } });
    const types = peer.skips(30_000).flatMap(({ chunks }) => chunks.map(({ type }) => type));
    expect(new Set(types)).toEqual(new Set(["SHUTDOWN"]));
  });
});

describe("9.2 the peer shuts down", () => {
  it("with nothing outstanding: SHUTDOWN ACK, and the end with SHUTDOWN COMPLETE", () => {
    const { peer, user } = shutdownAckSent();
    peer.sends(shutdownComplete());
    peer.getsNothing();
    expect(user.hears()).toContain("shutdown-complete");
    expect(user.state).toBe("closed");
    peer.getsNothingFor(100_000);
  });

  it("with DATA outstanding: it is sent and acknowledged first", () => {
    const { peer, user } = sending(4);
    user.sends(FULL);
    peer.sends(shutdown(0));
    expect(user.hears()).toContain("shutdown-event");
    expect(user.state).toBe("shutdown-received");
    peer.sends(sack(4));
    peer.gets(data(5));
    peer.sends(sack(5));
    peer.gets(shutdownAck());
  });

  it("the cumulative TSN of SHUTDOWN acknowledges", () => {
    const { peer } = sending(2);
    peer.sends(shutdown(2));
    peer.gets(shutdownAck());
  });

  it("SHUTDOWN that comes again in SHUTDOWN-RECEIVED acknowledges, too", () => {
    const { peer, user } = sending(2);
    peer.sends(shutdown(0));
    peer.sends(shutdown(1));
    expect(user.state).toBe("shutdown-received");
    peer.sends(shutdown(2));
    peer.gets(shutdownAck());
  });

  it("DATA is retransmitted in SHUTDOWN-RECEIVED", () => {
    const { peer } = sending(1);
    peer.sends(shutdown(0));
    peer.getsAfter(1000, data(1));
  });

  it("6 DATA of a peer that has sent SHUTDOWN is discarded", () => {
    const { peer, user } = sending(1);
    peer.sends(shutdown(0));
    peer.sends(data(1));
    expect(user.takes()).toEqual([]);
  });

  it("12.4 SHUTDOWN for a TSN that was never sent ends the association", () => {
    const { peer, user } = sending(1);
    peer.sends(shutdown(5));
    peer.gets(abort());
    expect(user.state).toBe("closed");
  });

  it("SHUTDOWN that comes again in SHUTDOWN-ACK-SENT is answered again", () => {
    const { peer } = shutdownAckSent();
    peer.sends(shutdown(0));
    peer.gets(shutdownAck());
  });

  it("the user that shuts down at the same time is heard: SHUTDOWN-PENDING gives way to SHUTDOWN-RECEIVED", () => {
    const { peer, user } = sending(1);
    user.shutsDown();
    peer.sends(shutdown(0));
    expect(user.state).toBe("shutdown-received");
    peer.sends(sack(1));
    peer.gets(shutdownAck());
  });

  it("8.5.1 a lost SHUTDOWN COMPLETE: the peer that is gone answers SHUTDOWN ACK with the tag reflected", () => {
    const { peer, user } = shutdownAckSent();
    peer.getsAfter(1000, shutdownAck());
    peer.sendsPacket({ tag: peer.tag, chunks: [shutdownComplete({ tagReflected: true })] });
    expect(user.state).toBe("closed");
    expect(user.hears()).toContain("shutdown-complete");
  });

  it("8.5.1 SHUTDOWN COMPLETE with the wrong tag for its T bit is discarded", () => {
    const { peer, user } = shutdownAckSent();
    peer.sendsPacket({ tag: peer.tag, chunks: [shutdownComplete({ tagReflected: false })] });
    peer.sendsPacket({ tag: peer.theirTag, chunks: [shutdownComplete({ tagReflected: true })] });
    expect(user.state).toBe("shutdown-ack-sent");
  });

  it("9.2 a SHUTDOWN ACK to a closed endpoint is answered by SHUTDOWN COMPLETE with the tag reflected", () => {
    const { peer } = shutdownSent();
    peer.sends(shutdownAck());
    peer.skips();
    peer.sends(shutdownAck());
    peer.gets(withTag(peer.theirTag, shutdownComplete({ tagReflected: true })));
  });

  it("9.2 SHUTDOWN ACK in ESTABLISHED is no reason to end anything", () => {
    const { peer, user } = receiving();
    peer.sends(shutdownAck());
    expect(user.state).toBe("established");
    peer.skips();
  });
});

describe("9.2 and 8.5.1 SHUTDOWN ACK of an earlier association meets a new attempt", () => {
  it("in COOKIE-WAIT: SHUTDOWN COMPLETE with the tag that came, and T1-init goes on", () => {
    const { peer, user } = start();
    user.connects();
    peer.takesInit();
    peer.sendsPacket({ tag: 0x5555, chunks: [shutdownAck()] });
    peer.gets(withTag(0x5555, shutdownComplete({ tagReflected: true })));
    peer.getsAfter(1000, init());
    expect(user.hears()).toEqual([]);
  });

  it("in COOKIE-WAIT also with the very tag of our INIT", () => {
    const { peer, user } = start();
    user.connects();
    peer.takesInit();
    peer.sends(shutdownAck());
    peer.gets(withTag(peer.theirTag, shutdownComplete({ tagReflected: true })));
    expect(user.hears()).toEqual([]);
  });

  it("in COOKIE-ECHOED: the same, and T1-cookie goes on", () => {
    const { peer, user } = start();
    user.connects();
    peer.takesInit();
    peer.sends(initAck());
    peer.gets(cookieEcho());
    peer.sends(shutdownAck());
    peer.gets(withTag(peer.theirTag, shutdownComplete({ tagReflected: true })));
    expect(user.state).toBe("cookie-echoed");
    peer.sends(cookieAck());
    expect(user.state).toBe("established");
  });
});

describe("8.3 HEARTBEAT towards the end", () => {
  it("is answered in SHUTDOWN-PENDING and SHUTDOWN-RECEIVED", () => {
    const pending = sending(1);
    pending.user.shutsDown();
    const received = sending(1);
    received.peer.sends(shutdown(0));
    for (const { peer } of [pending, received]) {
      peer.sends(heartbeat());
      peer.gets({ type: "HEARTBEAT_ACK" });
    }
  });
});
