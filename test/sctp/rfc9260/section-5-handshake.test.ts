import { describe, expect, it } from "vitest";
import { COOKIE } from "./fill-in.ts";
import { FULL, PEER, PEER_THREE, PEER_TOO, US, US_TOO, established, start } from "./kit.ts";
import type { Script, Setting } from "./kit.ts";
import {
  abort,
  cookieAck,
  cookieEcho,
  data,
  error,
  heartbeat,
  heartbeatAck,
  init,
  initAck,
  ipv4,
  outOfTheBlueAbort,
  sack,
  shutdown,
  to,
  withTag,
} from "./sketches.ts";

/** The endpoint has called and waits for INIT ACK. */
function calling(setting: Setting = {}): Script {
  const script = start(setting);
  script.user.connects();
  script.peer.takesInit();
  return script;
}

/** The endpoint has echoed the cookie. */
function echoing(setting: Setting = {}): Script {
  const script = calling(setting);
  script.peer.sends(initAck());
  script.peer.gets(cookieEcho());
  return script;
}

/** The peer has called and holds a cookie. */
function called(setting: Setting = {}, fields: Readonly<Record<string, unknown>> = {}): Script {
  const script = start(setting);
  script.peer.calls(fields);
  script.peer.takesInitAck();
  return script;
}

describe("5.1 the four packets", () => {
  it("A to D: seen from the side that is called", () => {
    const { peer, user } = start();
    peer.calls();
    peer.gets(to(PEER, initAck()));
    peer.calls();
    peer.takesInitAck();
    peer.sends(cookieEcho());
    peer.gets(to(PEER, cookieAck()));
    expect(user.hears()).toEqual(["comm-up"]);
    expect(user.state).toBe("established");
  });

  it("A to D: seen from the side that calls", () => {
    const { peer, user } = start();
    user.connects();
    peer.takesInit();
    peer.sends(initAck());
    peer.gets(cookieEcho({ cookie: COOKIE }));
    expect(user.state).toBe("cookie-echoed");
    peer.sends(cookieAck());
    peer.getsNothing();
    expect(user.hears()).toEqual(["comm-up"]);
    expect(user.state).toBe("established");
  });

  it("B: INIT ACK goes to where INIT came from, and leaves from where it went", () => {
    const { peer } = start({ peerAddresses: [PEER, PEER_TOO], localAddresses: [US, US_TOO] });
    peer.calls({}, { from: PEER_TOO, to: US_TOO });
    peer.gets({ to: PEER_TOO, from: US_TOO, chunks: [initAck()] });
  });

  it("B: nothing is kept of an INIT: no timer, no association, however many come", () => {
    const { peer } = start({ parameters: { maxAssociations: 1 } });
    for (let call = 0; call < 100; call += 1) peer.calls({ initiateTag: call + 1 });
    expect(peer.skips()).toHaveLength(100);
    expect(peer.endpoint.nextDeadlineMs()).toBeUndefined();
    expect(peer.endpoint.snapshot().associations).toHaveLength(0);
  });

  it("B: INIT is answered by ABORT where nobody listens", () => {
    const { peer } = start({ listening: false });
    peer.calls();
    peer.gets(withTag(peer.tag, abort({ tagReflected: false })));
  });

  it("C: no DATA goes out before COOKIE ACK but with COOKIE ECHO, and then what waited does", () => {
    const { peer, user } = echoing();
    expect(user.tries({ size: 10 })).toBe("accepted");
    peer.getsNothing();
    peer.sends(cookieAck());
    peer.gets(data(1));
  });

  it("D: COOKIE ACK is the first chunk, and DATA that waited may follow", () => {
    const { peer, user } = called();
    peer.sends(cookieEcho());
    user.sends(10);
    expect(peer.skips()[0]?.chunks[0]).toMatchObject(cookieAck());
  });

  it("the cumulative TSN begins one below the peer's first TSN", () => {
    const { peer } = established({ peerInitialTsn: 77 });
    peer.sends(data(78));
    peer.gets(sack(76, { gaps: [[78, 78]] }));
  });

  it("3 INIT, INIT ACK and SHUTDOWN COMPLETE come alone: an INIT with company is discarded", () => {
    const { peer } = start();
    peer.sendsPacket({ tag: 0, chunks: [init(), data(1)] });
    peer.getsNothing();
    peer.sendsPacket({ tag: 0, chunks: [heartbeat(), init()] });
    expect(
      peer
        .skips()
        .flatMap(({ chunks }) => chunks)
        .map(({ type }) => type),
    ).not.toContain("INIT_ACK");
  });

  it("12.3 an INIT in a packet whose tag is not 0 is discarded", () => {
    const { peer } = start();
    peer.calls({}, { tag: 5 });
    peer.getsNothing();
  });

  it("5.3.1 a tag does not live twice, also where the endpoint was restored before the association ended", () => {
    const { peer, user } = established();
    peer.restores();
    user.aborts();
    peer.gets(abort());
    peer.sends(cookieEcho());
    peer.getsNothing();
    expect(user.state).toBe("closed");
  });

  it("5.3.1 tags and first TSNs are new each time", () => {
    const { peer } = start();
    const offers = Array.from({ length: 20 }, () => {
      peer.calls();
      const { initiateTag, initialTsn } = peer.takesInitAck();
      return [initiateTag, initialTsn];
    });
    expect(new Set(offers.map(([tag]) => tag)).size).toBe(20);
    expect(new Set(offers.map(([, tsn]) => tsn)).size).toBe(20);
  });
});

describe("5.1.6 and 4 T1-init", () => {
  it("INIT comes again after RTO.Initial, twice that, and so on, Max.Init.Retransmits times", () => {
    const { peer, user } = calling();
    for (const waitMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
      peer.getsAfter(waitMs, init());
    peer.getsNothingFor(60_000);
    expect(user.hears()).toEqual(["cant-start"]);
    peer.getsNothingFor(1e6);
  });

  it("it is the same INIT each time", () => {
    const { peer } = calling();
    const tag = peer.theirTag;
    peer.getsAfter(1000, init({ initiateTag: tag, initialTsn: peer.theirInitialTsn }));
  });

  it("stops with INIT ACK", () => {
    const { peer } = echoing();
    expect(peer.skips(999)).toHaveLength(0);
  });

  it("5.1 INIT goes to each address that the user gave, in turn", () => {
    const { peer } = calling({ peerAddresses: [PEER, PEER_TOO] });
    const targets = Array.from({ length: 3 }, () => peer.next(100_000)?.to);
    expect(new Set(targets)).toEqual(new Set([PEER, PEER_TOO]));
    expect(targets[0]).toBe(PEER_TOO);
  });

  it("ABORT in COOKIE-WAIT ends the attempt", () => {
    const { peer, user } = calling();
    peer.sends(abort());
    expect(user.hears()).toEqual(["cant-start"]);
    peer.getsNothingFor(100_000);
  });

  it("8.5.1 an ABORT that reflects the tag 0 of our INIT is none of the peer's", () => {
    const { peer, user } = calling();
    peer.sendsPacket({ tag: 12_345, chunks: [abort()] });
    expect(user.hears()).toEqual([]);
    peer.getsAfter(1000, init());
  });
});

describe("5.1.4 and 4 T1-cookie", () => {
  it("COOKIE ECHO comes again after the RTO, twice that, and so on, Max.Init.Retransmits times", () => {
    const { peer, user } = echoing({ parameters: { maxInitRetransmits: 4 } });
    for (const waitMs of [1000, 2000, 4000, 8000]) peer.getsAfter(waitMs, cookieEcho({ cookie: COOKIE }));
    peer.getsNothingFor(16_000);
    expect(user.hears()).toEqual(["cant-start"]);
    peer.getsNothingFor(1e6);
  });

  it("stops with COOKIE ACK", () => {
    const { peer } = echoing();
    peer.sends(cookieAck());
    peer.getsNothingFor(100_000);
  });

  it("ABORT in COOKIE-ECHOED ends the attempt", () => {
    const { peer, user } = echoing();
    peer.sends(abort());
    expect(user.state).toBe("closed");
    peer.getsNothingFor(100_000);
  });

  it("6 DATA before COOKIE ACK is discarded", () => {
    const { peer, user } = echoing();
    peer.sends(data(1));
    expect(user.takes()).toEqual([]);
    peer.sends(cookieAck());
    peer.sends(data(1));
    expect(user.takes()).toHaveLength(1);
  });

  it("8.3 HEARTBEAT is answered in COOKIE-ECHOED", () => {
    const { peer } = echoing();
    peer.sends(heartbeat());
    peer.gets(heartbeatAck());
  });

  it("9.2 SHUTDOWN is discarded in COOKIE-WAIT and COOKIE-ECHOED", () => {
    for (const { peer, user } of [calling(), echoing()]) {
      const before = user.state;
      peer.sends(shutdown(0));
      peer.sends(shutdown(5));
      peer.getsNothing();
      expect(user.state).toBe(before);
    }
  });

  it("5.2.5 COOKIE ACK is discarded in any other state", () => {
    const { peer, user } = calling();
    peer.sends(cookieAck());
    peer.getsNothing();
    expect(user.hears()).toEqual([]);
    const later = established();
    later.peer.sends(cookieAck());
    later.peer.getsNothing();
    expect(later.user.hears()).toEqual([]);
  });

  it("5.2.3 INIT ACK is discarded in any other state", () => {
    const echo = echoing();
    echo.peer.sends(initAck({ initiateTag: 99 }));
    echo.peer.getsNothing();
    const later = established();
    later.peer.sends(initAck({ initiateTag: 99 }));
    later.peer.getsNothing();
    expect(later.user.state).toBe("established");
  });
});

describe("5.1.3 and 5.1.5 the state cookie", () => {
  it("whose bytes were changed is discarded without a word", () => {
    const { peer } = called();
    const { cookie } = peer;
    for (let at = 0; at < cookie.length; at += 1) {
      peer.cookie = cookie.with(at, cookie[at]! ^ 1);
      peer.sends(cookieEcho());
    }
    for (const length of [0, 1, 31, cookie.length - 1]) {
      peer.cookie = cookie.slice(0, length);
      peer.sends(cookieEcho());
    }
    peer.getsNothing();
    peer.cookie = cookie;
    peer.sends(cookieEcho());
    peer.gets(cookieAck());
  });

  it("rule 3: with another tag or port in the header is discarded without a word", () => {
    const { peer } = called();
    peer.sendsPacket({ tag: peer.theirTag ^ 1, chunks: [cookieEcho()] });
    peer.sendsPacket({ sourcePort: 5001, chunks: [cookieEcho()] });
    peer.getsNothing();
  });

  it("rule 4: is good for Valid.Cookie.Life", () => {
    const { peer } = called();
    peer.skips(60_000);
    peer.sends(cookieEcho());
    peer.gets(cookieAck());
  });

  it("rule 4: is stale after that: ERROR says by how much, and no association begins", () => {
    const { peer, user } = called();
    peer.skips(61_500);
    peer.sends(cookieEcho(), data(1));
    peer.gets(withTag(peer.tag, error({ type: "STALE_COOKIE", stalenessUs: 1_500_000 })));
    expect(user.hears()).toEqual([]);
  });

  it("rule 7: DATA beside COOKIE ECHO is taken in and acknowledged at once, behind COOKIE ACK", () => {
    const { peer, user } = called();
    peer.sends(cookieEcho(), data(1), data(2));
    expect(peer.skips().flatMap(({ chunks }) => chunks)).toMatchObject([cookieAck(), sack(2)]);
    expect(user.takes()).toHaveLength(2);
  });

  it("3.3.2.1.3 Cookie Preservative makes it live longer", () => {
    const { peer } = called({ peerParameters: [{ type: "COOKIE_PRESERVATIVE", incrementMs: 10_000 }] });
    peer.skips(65_000);
    peer.sends(cookieEcho());
    peer.gets(cookieAck());
  });

  it("a COOKIE ECHO that is not the first chunk is none", () => {
    const { peer, user } = called();
    peer.sends(heartbeat(), cookieEcho());
    expect(user.hears()).toEqual([]);
    peer.skips();
  });
});

describe("5.2.6 the peer finds our cookie stale", () => {
  it("in COOKIE-ECHOED: a new INIT asks for a longer life, by the round trip and one second at most", () => {
    const { peer } = echoing();
    peer.skips(300);
    peer.sends(error({ type: "STALE_COOKIE", code: 3, stalenessUs: 200_000 }));
    const call = peer.takesInit();
    const asked = (call["parameters"] as { type: string; incrementMs?: number }[]).find(
      ({ type }) => type === "COOKIE_PRESERVATIVE",
    );
    expect(asked?.incrementMs).toBeGreaterThan(0);
    expect(asked?.incrementMs).toBeLessThanOrEqual(300 + 1000);
    peer.sends(initAck());
    peer.gets(cookieEcho());
    peer.sends(cookieAck());
  });

  /** The cookie was echoed twice, found stale once, and another one is echoed now, under another tag of the peer. */
  function echoingAnother(stalenessUs: number): Script {
    const script = echoing();
    const { peer } = script;
    peer.getsAfter(1000, cookieEcho());
    peer.skips(50);
    peer.sends(error({ type: "STALE_COOKIE", code: 3, stalenessUs }));
    peer.takesInit();
    peer.tag += 1;
    peer.skips(50);
    peer.sends(initAck());
    peer.gets(withTag(peer.tag, cookieEcho()));
    return script;
  }

  it("the answer to an earlier COOKIE ECHO does not count against the cookie that was echoed since", () => {
    const { peer, user } = echoingAnother(1000);
    peer.sends(error({ type: "STALE_COOKIE", code: 3, stalenessUs: 1200 }));
    peer.getsNothing();
    expect(user.state).toBe("cookie-echoed");
    peer.sends(cookieAck());
    expect(user.state).toBe("established");
    user.sends(100);
    peer.gets(withTag(peer.tag, data(1)));
  });

  it("nor does one that the network repeats: no cookie is stale for longer than it exists", () => {
    const { peer, user } = echoingAnother(30_000_000);
    for (let repeated = 0; repeated < 5; repeated += 1) {
      peer.sends(error({ type: "STALE_COOKIE", code: 3, stalenessUs: 30_000_000 }));
      peer.getsNothing();
    }
    peer.sends(cookieAck());
    expect(user.state).toBe("established");
  });

  it("but what can be no answer to an earlier one is about the present cookie", () => {
    const { peer } = echoingAnother(1000);
    peer.sends(error({ type: "STALE_COOKIE", code: 3, stalenessUs: 1200 }));
    peer.getsNothing();
    peer.sends(error({ type: "STALE_COOKIE", code: 3, stalenessUs: 1200 }));
    peer.gets(init());
  });

  it("in any other state it is discarded", () => {
    const { peer, user } = established();
    peer.sends(error({ type: "STALE_COOKIE", code: 3, stalenessUs: 200_000 }));
    peer.getsNothing();
    expect(user.state).toBe("established");
  });
});

describe("5.1.1 streams", () => {
  it("the endpoint uses no more streams than the peer allows", () => {
    const { user } = established({ peerParameters: [] });
    expect(user.tries({ streamId: 9 })).toBe("accepted");
    expect(user.tries({ streamId: 10 })).toBe("no-such-stream");
  });

  it("and no more than it said itself", () => {
    const { user } = established({ parameters: { outboundStreams: 3 } });
    expect(user.tries({ streamId: 2 })).toBe("accepted");
    expect(user.tries({ streamId: 3 })).toBe("no-such-stream");
  });

  it("the peer may use as many as the endpoint allows", () => {
    const { peer, user } = established({ parameters: { maxInboundStreams: 5 } });
    peer.sends(data(1, { streamId: 4, ssn: 0 }));
    expect(user.takes()).toHaveLength(1);
    peer.skips(500);
    peer.sends(data(2, { streamId: 5, ssn: 0 }));
    expect(user.takes()).toEqual([]);
  });

  it("3.3.3 INIT ACK offers no more streams than INIT allows", () => {
    const { peer } = start();
    peer.calls({ inboundStreams: 4 });
    expect(peer.takesInitAck()["outboundStreams"]).toBeLessThanOrEqual(4);
  });
});

describe("5.1.2 addresses", () => {
  it("A: without address parameters the source is the only one", () => {
    const { peer } = called();
    peer.sends(cookieEcho());
    peer.gets(to(PEER, cookieAck()));
    peer.getsNothingFor(100_000);
    peer.sendsPacket({ from: PEER_TOO, chunks: [heartbeat()] });
    peer.gets(outOfTheBlueAbort);
  });

  it("C: those that are listed and the source belong to the peer", () => {
    const { peer } = called({ peerParameters: [ipv4(PEER_TOO), ipv4(PEER_THREE)] });
    peer.sends(cookieEcho());
    const probed = new Set(peer.skips(10_000).map((packet) => packet.to));
    expect(probed).toEqual(new Set([PEER, PEER_TOO, PEER_THREE]));
  });

  it("C: INIT ACK adds addresses to a called peer as well", () => {
    const { peer, user } = start({ peerAddresses: [PEER] });
    user.connects();
    peer.takesInit();
    peer.sends(initAck({ parameters: [ipv4(PEER_TOO), { type: "STATE_COOKIE", cookie: COOKIE }] }));
    peer.skips();
    peer.sends(cookieAck());
    expect(peer.skips(3000).map((packet) => packet.to)).toContain(PEER_TOO);
  });

  it("addresses of a family that the endpoint has not are passed over without a word", () => {
    const { peer, user } = called({
      peerParameters: [{ type: "IPV6_ADDRESS", address: "2001:db8::7" }, ipv4(PEER_TOO)],
    });
    peer.sends(cookieEcho());
    expect(user.hears()).toContain("comm-up");
    expect(peer.skips(10_000).map((packet) => packet.to)).toContain(PEER_TOO);
  });

  it("Supported Address Types that leave out the family in use are no reason for an error", () => {
    const { peer } = start({ peerParameters: [{ type: "SUPPORTED_ADDRESS_TYPES", types: [6] }] });
    peer.calls();
    peer.gets(initAck());
  });

  it("the endpoint lists all its addresses in INIT ACK", () => {
    const { peer } = start({ localAddresses: [US, US_TOO] });
    peer.calls();
    const parameters = peer.takesInitAck()["parameters"] as { address?: string }[];
    expect(parameters.flatMap(({ address }) => address ?? [])).toEqual([US, US_TOO]);
  });
});

describe("5.4 path verification", () => {
  const listed = { peerParameters: [ipv4(PEER_TOO)] };

  it("rule 1: addresses that the user gave are confirmed, and are not probed", () => {
    const { peer } = echoing({ peerAddresses: [PEER, PEER_TOO] });
    peer.sends(cookieAck());
    expect(peer.path(PEER).confirmed).toBe(true);
    expect(peer.path(PEER_TOO).confirmed).toBe(true);
    peer.getsNothingFor(5000);
  });

  it("rule 2: the called side knows the address to which INIT ACK went, and no other", () => {
    const { peer } = called(listed);
    peer.sends(cookieEcho());
    expect(peer.path(PEER).confirmed).toBe(true);
    expect(peer.path(PEER_TOO).confirmed).toBe(false);
  });

  it("rule 3: the others are probed by HEARTBEAT, once an RTO", () => {
    const { peer } = called(listed);
    peer.sends(cookieEcho());
    const probes = peer.skips(3500).filter((packet) => packet.to === PEER_TOO);
    expect(probes.every(({ chunks }) => chunks.every(({ type }) => type === "HEARTBEAT"))).toBe(true);
    // At once, after 1 s, and after 2 s more: the RTO doubles.
    expect(probes.map(({ afterMs }) => afterMs)).toEqual([0, 1000, 3000]);
  });

  it("the answer with the nonce confirms the address, and the user hears of it", () => {
    const { peer, user } = called(listed);
    peer.sends(cookieEcho());
    peer.answersHeartbeats();
    expect(peer.path(PEER_TOO).confirmed).toBe(true);
    expect(user.hears()).toContain(`${PEER_TOO} confirmed`);
  });

  it("another nonce confirms nothing", () => {
    const { peer } = called(listed);
    peer.sends(cookieEcho());
    peer.skips();
    peer.sendsFrom(PEER_TOO, heartbeatAck({ info: new Uint8Array(16) }));
    expect(peer.path(PEER_TOO).confirmed).toBe(false);
  });

  it("nothing but HEARTBEAT and HEARTBEAT ACK goes to an address that is not confirmed", () => {
    const { peer, user } = called(listed);
    peer.sends(cookieEcho());
    peer.skips();
    peer.sendsFrom(PEER_TOO, data(1), data(1));
    user.sends(...Array.from({ length: 10 }, () => FULL));
    const chunks = peer.skips(30_000).filter((packet) => packet.to === PEER_TOO);
    expect(new Set(chunks.flatMap((packet) => packet.chunks.map(({ type }) => type)))).toEqual(
      new Set(["HEARTBEAT"]),
    );
  });

  it("HEARTBEAT ACK may go there", () => {
    const { peer } = called(listed);
    peer.sends(cookieEcho());
    peer.skips();
    peer.sendsFrom(PEER_TOO, heartbeat());
    peer.gets(to(PEER_TOO, heartbeatAck()));
  });

  it("COOKIE ACK goes there only with a HEARTBEAT", () => {
    const { peer } = called(listed);
    peer.sendsFrom(PEER_TOO, cookieEcho());
    const answer = peer.skips().find(({ chunks }) => chunks[0]?.type === "COOKIE_ACK");
    expect(answer?.to === PEER || answer?.chunks.some(({ type }) => type === "HEARTBEAT")).toBe(true);
  });

  it("probes that nobody answers make the path inactive, not the association", () => {
    const { peer, user } = called({ ...listed, parameters: { associationMaxRetrans: 2, rtoMaxMs: 2000 } });
    peer.sends(cookieEcho());
    peer.skips(60_000);
    expect(user.state).toBe("established");
    expect(peer.path(PEER_TOO).reachability).toBe("inactive");
  });

  it("HB.Max.Burst: one HEARTBEAT an RTO, however many addresses are to be confirmed", () => {
    const addresses = Array.from({ length: 8 }, (_, index) => ipv4(`192.0.2.${index + 10}`));
    const { peer } = called({ peerParameters: addresses });
    peer.sends(cookieEcho());
    const atMs = peer
      .skips(7500)
      .filter(({ chunks }) => chunks.some(({ type }) => type === "HEARTBEAT"))
      .map(({ afterMs }) => afterMs)
      .slice(0, 4);
    expect(new Set(atMs).size).toBe(4);
  });
});
