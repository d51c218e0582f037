import { describe, expect, it } from "vitest";
import { FULL, PEER, PEER_TOO, established, sending } from "./kit.ts";
import type { Script, Setting } from "./kit.ts";
import { data, heartbeat, heartbeatAck, sack, to } from "./sketches.ts";

const failover = (more: Readonly<Record<string, unknown>> = {}): Setting => ({
  peerAddresses: [PEER, PEER_TOO],
  parameters: { potentiallyFailedMaxRetrans: 0, ...more },
});

/** One time-out on the primary path: it is potentially failed, TSN 1 is out on the other one. */
function failed(more: Readonly<Record<string, unknown>> = {}): Script & { readonly info: unknown } {
  const script = sending(1, failover(more));
  const packets = script.peer.skips(1000);
  expect(packets).toContainEqual(
    expect.objectContaining({ to: PEER_TOO, chunks: [expect.objectContaining(data(1))] }),
  );
  const probe = packets.find((packet) => packet.to === PEER);
  expect(probe?.chunks, "rule 6: a HEARTBEAT goes there at once").toMatchObject([heartbeat()]);
  return { ...script, info: probe?.chunks[0]?.["info"] };
}

describe("RFC 7829 section 3", () => {
  it("rule 2: with PFMR 0 one error makes a path potentially failed, and the user may know", () => {
    const { peer, user } = failed();
    expect(peer.path(PEER)).toMatchObject({ reachability: "potentially-failed", errorCount: 1 });
    expect(user.hears()).toContain(`${PEER} potentially-failed`);
  });

  it("rule 2: with PFMR 2 it takes three", () => {
    const { peer, user } = established(failover({ potentiallyFailedMaxRetrans: 2, rtoMaxMs: 1000 }));
    for (let tsn = 1; tsn <= 3; tsn += 1) {
      expect(peer.path(PEER).reachability).toBe("active");
      user.sends(FULL);
      peer.skips(1000);
      peer.sendsFrom(PEER_TOO, sack(tsn));
    }
    expect(peer.path(PEER).reachability).toBe("potentially-failed");
  });

  it("rule 1: with PFMR not below PMR a path goes from active to inactive", () => {
    const { peer, user } = established(failover({ potentiallyFailedMaxRetrans: 5, rtoMaxMs: 1000 }));
    for (let tsn = 1; tsn <= 6; tsn += 1) {
      user.sends(FULL);
      peer.skips(1000);
      peer.sendsFrom(PEER_TOO, sack(tsn));
    }
    expect(peer.path(PEER).reachability).toBe("inactive");
    expect(user.hears()).not.toContain(`${PEER} potentially-failed`);
  });

  it("rule 3: new DATA goes to an active address", () => {
    const { peer, user } = failed();
    peer.sendsFrom(PEER_TOO, sack(1));
    user.sends(FULL);
    peer.gets(to(PEER_TOO, data(2)));
  });

  it("rule 3: choosing it changes no state and no count", () => {
    const { peer, user } = failed();
    peer.sendsFrom(PEER_TOO, sack(1));
    user.sends(FULL);
    expect(peer.path(PEER)).toMatchObject({ reachability: "potentially-failed", errorCount: 1 });
    expect(peer.path(PEER_TOO)).toMatchObject({ reachability: "active", errorCount: 0 });
  });

  it("rule 4: with all addresses potentially failed, the one with the fewest errors is used", () => {
    // The primary path fails twice, the other one once.
    const { peer, user } = established(failover({ rtoMaxMs: 1000 }));
    user.sends(FULL);
    peer.gets(to(PEER, data(1)));
    peer.skips(1000);
    // TSN 1 is out on the second path; the HEARTBEAT on the first is not answered either.
    peer.skips(1000);
    expect(peer.path(PEER).errorCount).toBe(2);
    expect(peer.path(PEER_TOO).errorCount).toBe(1);
    user.sends(FULL);
    peer.sendsFrom(PEER_TOO, sack(0));
    const targets = peer.skips(100).filter(({ chunks }) => chunks.some(({ type }) => type === "DATA"));
    expect(targets.every((packet) => packet.to === PEER_TOO)).toBe(true);
  });

  it("rules 5 and 6: HEARTBEATs go there once an RTO, whatever HB.interval is, with back-off", () => {
    const { peer } = failed({ pathMaxRetrans: 5 });
    peer.sendsFrom(PEER_TOO, sack(1));
    // The RTO was doubled by T3, and doubles with each HEARTBEAT that is not answered.
    peer.getsAfter(2000, to(PEER, heartbeat()));
    peer.getsAfter(4000, to(PEER, heartbeat()));
    peer.getsAfter(8000, to(PEER, heartbeat()));
  });

  it("rule 5: no HEARTBEAT goes where the user turned them off", () => {
    const { peer, user } = established(failover());
    peer.step(() => peer.endpoint.configurePath(peer.handle, PEER, { heartbeatEnabled: false }, peer.nowMs));
    user.sends(FULL);
    peer.gets(to(PEER, data(1)));
    peer.getsAfter(1000, to(PEER_TOO, data(1)));
    peer.sendsFrom(PEER_TOO, sack(1));
    peer.getsNothingFor(100_000);
  });

  it("rule 7: HEARTBEAT ACK makes the path active, clears its count, and DATA returns", () => {
    const { peer, user, info } = failed();
    peer.sendsFrom(PEER_TOO, sack(1));
    peer.sends(heartbeatAck({ info }));
    expect(peer.path(PEER)).toMatchObject({ reachability: "active", errorCount: 0 });
    expect(user.hears()).toContain(`${PEER} available`);
    user.sends(FULL);
    peer.gets(to(PEER, data(2)));
  });

  it("rule 7: the congestion window begins there as section 7.2 of RFC 9260 says", () => {
    const { peer, user, info } = failed();
    peer.sendsFrom(PEER_TOO, sack(1));
    peer.sends(heartbeatAck({ info }));
    user.sends(FULL, FULL, FULL);
    // T3 left one packet.
    peer.gets(to(PEER, data(2)));
  });

  it("rule 8: PMR - PFMR further errors make it inactive, and the user hears of it", () => {
    const { peer, user } = failed({ pathMaxRetrans: 2, rtoMaxMs: 1000 });
    peer.sendsFrom(PEER_TOO, sack(1));
    user.hears();
    peer.getsAfter(1000, to(PEER, heartbeat()));
    expect(peer.path(PEER)).toMatchObject({ reachability: "potentially-failed", errorCount: 2 });
    peer.skips(1000);
    expect(peer.path(PEER).reachability).toBe("inactive");
    expect(user.hears()).toContain(`${PEER} unreachable`);
    // HB.interval, which is endless here, from then on.
    peer.getsNothingFor(100_000);
  });

  it("rule 9: what was sent to two addresses says nothing about either", () => {
    const { peer } = failed();
    peer.sendsFrom(PEER, sack(1));
    expect(peer.path(PEER).reachability).toBe("potentially-failed");
  });

  it("rule 10: what was sent to one address only makes that one active again", () => {
    const { peer, user } = sending(1, { parameters: { potentiallyFailedMaxRetrans: 0 } });
    peer.skips(1000);
    expect(peer.path(PEER).reachability).toBe("potentially-failed");
    // Twice, but to the same address: the acknowledgement is for that one.
    peer.sends(sack(1));
    expect(peer.path(PEER)).toMatchObject({ reachability: "active", errorCount: 0 });
    expect(user.hears()).toContain(`${PEER} available`);
  });

  it("a single address that is potentially failed is used all the same", () => {
    const { peer, user } = sending(1, { parameters: { potentiallyFailedMaxRetrans: 0 } });
    expect(peer.skips(1000).flatMap(({ chunks }) => chunks)).toContainEqual(expect.objectContaining(data(1)));
    peer.sends(sack(1));
    user.sends(FULL);
    expect(peer.skips().flatMap(({ chunks }) => chunks)).toContainEqual(expect.objectContaining(data(2)));
  });
});

describe("RFC 7829 section 4, dormant", () => {
  it("with all addresses inactive DATA still goes out, and no state changes by that", () => {
    const { peer, user } = sending(
      1,
      failover({ pathMaxRetrans: 1, associationMaxRetrans: 30, rtoMaxMs: 1000 }),
    );
    peer.skips(10_000);
    expect(peer.path(PEER).reachability).toBe("inactive");
    expect(peer.path(PEER_TOO).reachability).toBe("inactive");
    const sent = peer.skips(3000).filter(({ chunks }) => chunks.some(({ type }) => type === "DATA"));
    expect(sent.length).toBeGreaterThan(0);
    expect(peer.path(PEER).reachability).toBe("inactive");
    expect(user.state).toBe("established");
  });

  it("the association is reached again on whichever path answers", () => {
    const { peer, user } = sending(
      1,
      failover({ pathMaxRetrans: 1, associationMaxRetrans: 30, rtoMaxMs: 1000 }),
    );
    peer.skips(10_000);
    peer.sends(sack(1));
    user.sends(FULL);
    expect(peer.skips().flatMap(({ chunks }) => chunks)).toContainEqual(expect.objectContaining(data(2)));
    expect(user.state).toBe("established");
  });
});

describe("RFC 7829 section 5, primary path switch-over", () => {
  it("is off unless it is asked for: DATA returns to the primary path", () => {
    const { peer, user, info } = failed();
    peer.sendsFrom(PEER_TOO, sack(1));
    peer.sends(heartbeatAck({ info }));
    user.sends(FULL);
    peer.gets(to(PEER, data(2)));
  });

  it("with PSMR 0 the path that DATA moved to becomes the primary one, and stays it", () => {
    const { peer, user, info } = failed({ primarySwitchoverMaxRetrans: 0 });
    peer.sendsFrom(PEER_TOO, sack(1));
    peer.sends(heartbeatAck({ info }));
    expect(peer.path(PEER).reachability).toBe("active");
    user.sends(FULL);
    peer.gets(to(PEER_TOO, data(2)));
  });
});
