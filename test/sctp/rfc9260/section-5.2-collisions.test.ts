import { describe, expect, it } from "vitest";
import { FULL, PEER, PEER_TOO, established, full, receiving, start } from "./kit.ts";
import type { Peer, Script, Setting } from "./kit.ts";
import {
  abort,
  cookieAck,
  cookieEcho,
  data,
  error,
  init,
  initAck,
  ipv4,
  sack,
  shutdown,
  shutdownAck,
  withTag,
} from "./sketches.ts";

const NEW_TAG = 0x33333333;

function calling(setting: Setting = {}): Script {
  const script = start(setting);
  script.user.connects();
  script.peer.takesInit();
  return script;
}

function echoing(setting: Setting = {}): Script {
  const script = calling(setting);
  script.peer.sends(initAck());
  script.peer.gets(cookieEcho());
  return script;
}

/** INIT of a peer that knows nothing of the association: under a new tag, answered with a new cookie. */
function callsAnew(peer: Peer, fields: Readonly<Record<string, unknown>> = {}): void {
  peer.calls({ initiateTag: NEW_TAG, initialTsn: 1, ...fields });
}

/** Takes the INIT ACK to it and echoes the cookie, as the peer that has restarted. */
function restarts(peer: Peer): void {
  callsAnew(peer);
  peer.takesInitAck();
  peer.tag = NEW_TAG;
  peer.sends(cookieEcho());
}

describe("5.2.1 INIT while the endpoint calls", () => {
  it("in COOKIE-WAIT is answered with the tag and first TSN of the endpoint's own INIT", () => {
    const { peer } = calling();
    const own = { initiateTag: peer.theirTag, initialTsn: peer.theirInitialTsn };
    peer.calls();
    peer.gets(withTag(peer.tag, initAck(own)));
  });

  it("in COOKIE-WAIT changes nothing: T1-init goes on, and INIT ACK still counts", () => {
    const { peer } = calling();
    peer.getsNothingFor(400);
    peer.calls();
    peer.skips();
    peer.getsAfter(600, init({ initiateTag: peer.theirTag }));
    peer.sends(initAck());
    peer.gets(cookieEcho());
  });

  it("in COOKIE-WAIT works without listening, too", () => {
    const { peer } = calling({ listening: false });
    peer.calls();
    peer.gets(initAck());
  });

  it("in COOKIE-ECHOED is answered with the same tag", () => {
    const { peer } = echoing();
    const tag = peer.theirTag;
    callsAnew(peer);
    peer.gets(withTag(NEW_TAG, initAck({ initiateTag: tag })));
  });

  it("in COOKIE-ECHOED leaves T1-cookie running", () => {
    const { peer } = echoing();
    peer.getsNothingFor(400);
    callsAnew(peer);
    peer.skips();
    peer.getsAfter(600, cookieEcho());
  });

  it("in COOKIE-ECHOED with a new address is answered by ABORT, and nothing changes", () => {
    const { peer, user } = echoing();
    callsAnew(peer, { parameters: [ipv4(PEER_TOO)] });
    peer.gets(withTag(NEW_TAG, abort({ causes: [{ code: 11 }] })));
    peer.sends(cookieAck());
    expect(user.state).toBe("established");
  });
});

describe("5.2.2 INIT beside an association", () => {
  it("is answered with a new tag, under the tag of that INIT", () => {
    const { peer } = established();
    const old = peer.theirTag;
    callsAnew(peer);
    const [answer] = peer.arrivals;
    expect(answer).toMatchObject(withTag(NEW_TAG, initAck()));
    expect(answer?.chunks[0]?.["initiateTag"]).not.toBe(old);
  });

  it("leaves the association as it is", () => {
    const { peer, user } = receiving();
    callsAnew(peer);
    peer.skips();
    peer.sends(data(2, { immediate: true }));
    peer.gets(sack(2));
    expect(user.hears()).toEqual([]);
  });

  it("with an address that the association has not is answered by ABORT that lists it", () => {
    const { peer, user } = receiving();
    callsAnew(peer, { parameters: [ipv4(PEER_TOO)] });
    const value = Uint8Array.from([0, 5, 0, 8, 192, 0, 2, 2]);
    peer.gets(withTag(NEW_TAG, abort({ tagReflected: false, causes: [{ code: 11, value }] })));
    peer.sends(data(2, { immediate: true }));
    peer.gets(sack(2));
    expect(user.hears()).toEqual([]);
  });

  it("with fewer addresses is answered by INIT ACK", () => {
    const { peer } = established({ peerAddresses: [PEER, PEER_TOO] });
    callsAnew(peer, { parameters: [] });
    peer.gets(initAck());
  });

  it("5.1.2 D: belongs to the association also where only a listed address says so", () => {
    const { peer } = established({ peerAddresses: [PEER, PEER_TOO] });
    // From an address that the association does not know, naming one that it does.
    peer.sendsPacket({ from: "192.0.2.77", tag: 0, chunks: [init({ initiateTag: NEW_TAG })] });
    peer.gets(withTag(NEW_TAG, abort({ causes: [{ code: 11 }] })));
  });

  it("is answered in all states but SHUTDOWN-ACK-SENT", () => {
    const pending = established();
    pending.user.sends(10);
    pending.user.shutsDown();
    const sent = established();
    sent.user.shutsDown();
    const received = established();
    received.user.sends(10);
    received.peer.sends(shutdown(0));
    for (const { peer } of [pending, sent, received]) {
      peer.skips();
      callsAnew(peer);
      peer.gets(withTag(NEW_TAG, initAck()));
    }
  });

  it("9.2 in SHUTDOWN-ACK-SENT is discarded, and SHUTDOWN ACK comes again", () => {
    const { peer, user } = established();
    peer.sends(shutdown(0));
    peer.gets(shutdownAck());
    callsAnew(peer);
    peer.gets(withTag(peer.tag, shutdownAck()));
    expect(user.state).toBe("shutdown-ack-sent");
  });
});

describe("5.2.4 table 12", () => {
  it("(A) both tags new, tie-tags match: the peer has restarted", () => {
    const { peer, user } = receiving();
    restarts(peer);
    peer.gets(withTag(NEW_TAG, cookieAck()));
    expect(user.hears()).toContain("restart");
    // TSNs and SSNs begin anew on both sides.
    peer.sends(data(1, { ssn: 0 }));
    expect(user.takes()).toHaveLength(1);
    user.sends(10);
    expect(peer.skips().flatMap(({ chunks }) => chunks)).toContainEqual(
      expect.objectContaining({ type: "DATA", tsn: 1, ssn: 0 }),
    );
  });

  it("(A) the user is not told that communication was lost", () => {
    const { peer, user } = receiving();
    restarts(peer);
    expect(user.hears()).not.toContain("comm-lost");
  });

  it("(A) congestion control begins anew", () => {
    const { peer } = full(16);
    expect(peer.cwnd).toBe(16_000);
    restarts(peer);
    expect(peer.cwnd).toBe(4000);
  });

  it("(A) what was not acknowledged is handed back, or sent again in the new association", () => {
    const { peer, user } = established();
    user.sends(FULL, FULL);
    peer.skips();
    restarts(peer);
    const again = peer.skips().flatMap(({ chunks }) => chunks.filter(({ type }) => type === "DATA"));
    const returned = user.hears().filter((each) => each === "send-failed");
    expect(again.length + returned.length).toBe(2);
  });

  it("(A) timers of the old association are gone", () => {
    const { peer, user } = established();
    user.sends(FULL);
    peer.skips();
    restarts(peer);
    peer.skips();
    peer.getsNothingFor(100_000);
  });

  it("(A) the old tag is no longer good", () => {
    const { peer, user } = receiving();
    const old = peer.theirTag;
    restarts(peer);
    peer.skips();
    user.takes();
    peer.sendsPacket({ tag: old, chunks: [data(2)] });
    expect(user.takes()).toEqual([]);
  });

  it("(A) in SHUTDOWN-ACK-SENT there is no new association: SHUTDOWN ACK again, and ERROR", () => {
    const { peer, user } = established();
    callsAnew(peer);
    const answer = peer.takesInitAck();
    peer.theirTag = answer["initiateTag"] as number;
    const newTheirTag = peer.theirTag;
    // The cookie is there; the old association ends in SHUTDOWN-ACK-SENT before it comes back.
    peer.sendsPacket({ tag: ownTag(peer), chunks: [shutdown(0)] });
    peer.skips();
    expect(user.state).toBe("shutdown-ack-sent");
    peer.sendsPacket({ tag: newTheirTag, chunks: [cookieEcho()] });
    const types = peer.skips().flatMap(({ chunks }) => chunks);
    expect(types).toContainEqual(expect.objectContaining({ type: "SHUTDOWN_ACK" }));
    expect(types).toContainEqual(
      expect.objectContaining({ type: "ERROR", causes: [expect.objectContaining({ code: 10 })] }),
    );
    expect(user.state).toBe("shutdown-ack-sent");
  });

  it("(B) our tag matches and the peer's is not known yet: COOKIE-WAIT becomes ESTABLISHED", () => {
    const { peer, user } = calling();
    peer.calls();
    peer.takesInitAck();
    peer.sends(cookieEcho());
    peer.gets(withTag(peer.tag, cookieAck()));
    expect(user.hears()).toEqual(["comm-up"]);
    // T1-init is stopped.
    peer.getsNothingFor(100_000);
  });

  it("(B) our tag matches and the peer's is another one: the peer's tag is taken from the cookie", () => {
    const { peer, user } = echoing();
    callsAnew(peer);
    peer.takesInitAck();
    peer.tag = NEW_TAG;
    peer.sends(cookieEcho());
    peer.gets(withTag(NEW_TAG, cookieAck()));
    expect(user.state).toBe("established");
    user.sends(10);
    peer.gets(withTag(NEW_TAG, data(1)));
    peer.sends(sack(1));
    // T1-cookie is stopped.
    peer.getsNothingFor(100_000);
  });

  it("(B) in ESTABLISHED, before anything was exchanged: the peer's tag is taken from the cookie, too", () => {
    const { peer, user } = echoing();
    callsAnew(peer);
    peer.takesInitAck();
    // COOKIE ACK to our own cookie overtakes the COOKIE ECHO that holds the peer's new tag.
    peer.sends(cookieAck());
    expect(user.state).toBe("established");
    peer.tag = NEW_TAG;
    peer.sends(cookieEcho());
    peer.gets(withTag(NEW_TAG, cookieAck()));
    user.sends(10);
    peer.gets(withTag(NEW_TAG, data(1)));
  });

  it("(B) what the user sent meanwhile goes out", () => {
    const { peer, user } = echoing();
    user.sends(10);
    callsAnew(peer);
    peer.takesInitAck();
    peer.tag = NEW_TAG;
    peer.sends(cookieEcho());
    expect(peer.skips().flatMap(({ chunks }) => chunks)).toMatchObject([cookieAck(), data(1)]);
  });

  it("(C) the peer's tag matches, ours does not, and there are no tie-tags: the cookie came late", () => {
    const { peer, user } = start();
    // A cookie from before the endpoint called.
    peer.calls();
    peer.takesInitAck();
    const late = { cookie: peer.cookie, tag: peer.theirTag };
    user.connects();
    peer.takesInit();
    peer.sends(initAck());
    peer.skips();
    peer.getsNothingFor(400);
    peer.sendsPacket({ tag: late.tag, chunks: [cookieEcho({ cookie: late.cookie })] });
    peer.getsNothing();
    expect(user.state).toBe("cookie-echoed");
    // T1-cookie is left running.
    peer.getsAfter(600, cookieEcho());
  });

  it("(C) also in ESTABLISHED, from an address that is not confirmed yet, so that no second association begins", () => {
    const { peer, user } = start({ peerAddresses: [PEER, PEER_TOO] });
    // A cookie from before the endpoint called.
    peer.calls();
    peer.takesInitAck();
    const late = { cookie: peer.cookie, tag: peer.theirTag };
    user.connects(PEER_TOO);
    peer.takesInit();
    peer.sendsPacket({ from: PEER_TOO, chunks: [initAck()] });
    peer.skips();
    peer.sendsPacket({ from: PEER_TOO, chunks: [cookieAck()] });
    expect(user.state).toBe("established");
    user.hears();
    peer.skips();
    peer.sendsPacket({ tag: late.tag, chunks: [cookieEcho({ cookie: late.cookie })] });
    peer.getsNothing();
    expect(user.hears()).toEqual([]);
    expect([...peer.endpoint.associations()]).toHaveLength(1);
  });

  it("(D) both match in COOKIE-ECHOED: ESTABLISHED, COOKIE ACK, and T1-cookie is stopped", () => {
    const { peer, user } = calling();
    peer.calls();
    peer.takesInitAck();
    const { cookie } = peer;
    peer.sends(initAck());
    peer.skips();
    expect(user.state).toBe("cookie-echoed");
    peer.sends(cookieEcho({ cookie }));
    peer.gets(cookieAck());
    expect(user.state).toBe("established");
    peer.getsNothingFor(100_000);
  });

  it("(D) both match later on: COOKIE ACK again, and nothing else", () => {
    const { peer, user } = receiving();
    user.hears();
    peer.sends(cookieEcho());
    peer.gets(cookieAck());
    expect(user.hears()).toEqual([]);
    peer.sends(data(2, { immediate: true }));
    peer.gets(sack(2));
  });

  it("any other case is discarded without a word: both tags new, no tie-tags", () => {
    const { peer, user } = start();
    peer.calls({ initiateTag: NEW_TAG });
    peer.takesInitAck();
    const stray = { cookie: peer.cookie, tag: peer.theirTag };
    peer.calls();
    peer.takesInitAck();
    peer.sends(cookieEcho());
    peer.gets(cookieAck());
    user.hears();
    peer.sendsPacket({ tag: stray.tag, chunks: [cookieEcho({ cookie: stray.cookie }), data(1)] });
    peer.getsNothing();
    expect(user.hears()).toEqual([]);
    expect(user.takes()).toEqual([]);
  });

  it("tie-tags of an association before the present one are discarded", () => {
    const { peer, user } = receiving();
    callsAnew(peer, { initiateTag: 0x44444444 });
    peer.takesInitAck();
    const older = { cookie: peer.cookie, tag: peer.theirTag };
    restarts(peer);
    peer.skips();
    user.hears();
    peer.sendsPacket({ tag: older.tag, chunks: [cookieEcho({ cookie: older.cookie })] });
    peer.getsNothing();
    expect(user.hears()).toEqual([]);
  });

  it("3: a stale cookie with other tags is answered by ERROR", () => {
    const { peer, user } = receiving();
    callsAnew(peer);
    peer.takesInitAck();
    peer.skips(61_000);
    user.hears();
    peer.sends(cookieEcho());
    peer.gets(withTag(NEW_TAG, error({ type: "STALE_COOKIE" })));
    expect(user.hears()).toEqual([]);
  });

  it("3: a stale cookie with both tags of the association is good", () => {
    const { peer } = receiving();
    peer.skips(61_000);
    peer.sends(cookieEcho());
    peer.gets(cookieAck());
  });

  it("DATA beside a COOKIE ECHO that restarts belongs to the new association", () => {
    const { peer, user } = receiving();
    callsAnew(peer);
    peer.takesInitAck();
    peer.tag = NEW_TAG;
    user.takes();
    peer.sends(cookieEcho(), data(1, { size: FULL }));
    expect(user.takes()).toHaveLength(1);
  });
});

/** The tag of the endpoint's association, whatever INIT ACK came last. */
const ownTag = (peer: Peer): number => peer.endpoint.state(peer.handle)!.agreement.localTag;
