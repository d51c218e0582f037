import { describe, expect, it } from "vitest";
import { FULL, PEER, PEER_TOO, established, receiving, sending, start } from "./kit.ts";
import type { Peer, Script } from "./kit.ts";
import { abort, cookieEcho, data, heartbeat, heartbeatAck, ipv4, sack, to } from "./sketches.ts";

const twoPaths = { peerAddresses: [PEER, PEER_TOO] };
const beating = (
  heartbeatIntervalMs: number,
  more = {},
): { parameters: Readonly<Record<string, unknown>> } => ({
  parameters: { heartbeatIntervalMs, ...more },
});

/** When HEARTBEATs left for an address in the next `ms`, from now. */
const beats = (peer: Peer, ms: number, address: string = PEER): number[] =>
  peer
    .skips(ms)
    .filter((packet) => packet.to === address && packet.chunks.some(({ type }) => type === "HEARTBEAT"))
    .map(({ afterMs }) => afterMs);

describe("8.1 the endpoint's failure", () => {
  it("is declared when consecutive retransmissions exceed Association.Max.Retrans", () => {
    const { peer, user } = sending(1, { parameters: { associationMaxRetrans: 3 } });
    peer.getsAfter(1000, data(1));
    peer.getsAfter(2000, data(1));
    peer.getsAfter(4000, data(1));
    peer.getsNothingFor(7999);
    expect(user.state).toBe("established");
    peer.getsNothingFor(1);
    expect(user.state).toBe("closed");
    expect(user.hears()).toContain("comm-lost");
    peer.getsNothingFor(100_000);
  });

  it("an acknowledgement of DATA clears the count", () => {
    const { peer, user } = sending(1, { parameters: { associationMaxRetrans: 3, rtoMaxMs: 1000 } });
    for (let round = 0; round < 3; round += 1) peer.getsAfter(1000, data(1));
    peer.sends(sack(1));
    user.sends(FULL);
    peer.gets(data(2));
    for (let round = 0; round < 3; round += 1) peer.getsAfter(1000, data(2));
    expect(user.state).toBe("established");
  });

  it("a SACK that acknowledges nothing does not clear it", () => {
    const { peer, user } = sending(1, { parameters: { associationMaxRetrans: 3, rtoMaxMs: 1000 } });
    for (let round = 0; round < 4; round += 1) {
      peer.sends(sack(0));
      peer.skips(1000);
    }
    expect(user.state).toBe("closed");
  });

  it("retransmissions to all addresses count together", () => {
    const { peer, user } = sending(1, {
      ...twoPaths,
      parameters: { associationMaxRetrans: 3, rtoMaxMs: 1000 },
    });
    for (let round = 0; round < 3; round += 1) expect(peer.skips(1000)).toHaveLength(1);
    peer.skips(1000);
    expect(user.state).toBe("closed");
  });

  it("a HEARTBEAT that nobody answers counts on the path that is used", () => {
    const { peer, user } = established(beating(2000, { associationMaxRetrans: 3, rtoMaxMs: 1000 }));
    peer.skips(60_000);
    expect(user.state).toBe("closed");
    expect(user.hears()).toContain("comm-lost");
  });

  it("a HEARTBEAT that nobody answers on another path does not", () => {
    const { peer, user } = established({
      ...twoPaths,
      ...beating(2000, { associationMaxRetrans: 3, rtoMaxMs: 1000 }),
    });
    // Nothing is answered that would clear the count: the primary path is silent, and nobody asks.
    peer.endpoint.configurePath(peer.handle, PEER, { heartbeatEnabled: false }, peer.nowMs);
    peer.skips(120_000);
    expect(user.state).toBe("established");
    expect(peer.path(PEER_TOO).reachability).toBe("inactive");
  });

  it("HEARTBEAT ACK clears the count", () => {
    const { peer, user } = established(beating(2000, { associationMaxRetrans: 2, rtoMaxMs: 1000 }));
    for (let round = 0; round < 10; round += 1) {
      // Two of three are lost.
      for (let beat = 0; beat < 2; beat += 1) expect(peer.next(10_000)?.chunks).toMatchObject([heartbeat()]);
      const info = peer.next(10_000)?.chunks[0]?.["info"];
      peer.sends(heartbeatAck({ info }));
    }
    expect(user.state).toBe("established");
  });

  it("what was not delivered is handed back to the user", () => {
    const { peer, user } = sending(2, { parameters: { associationMaxRetrans: 1, rtoMaxMs: 1000 } });
    peer.skips(10_000);
    expect(user.hears().filter((each) => each === "send-failed")).toHaveLength(2);
  });
});

describe("8.2 a path's failure", () => {
  /** Lets the primary path time out `count` times; each message gets through on the other one. */
  function failing(count: number): Script {
    const script = established({ ...twoPaths, parameters: { rtoMaxMs: 1000 } });
    const { peer, user } = script;
    for (let tsn = 1; tsn <= count; tsn += 1) {
      user.sends(FULL);
      peer.skips(1000);
      peer.sendsFrom(PEER_TOO, sack(tsn));
    }
    return script;
  }

  it("each time-out counts for the path of the chunk", () => {
    const { peer } = failing(3);
    expect(peer.path(PEER).errorCount).toBe(3);
    expect(peer.path(PEER_TOO).errorCount).toBe(0);
  });

  it("up to Path.Max.Retrans the path is active", () => {
    const { peer, user } = failing(5);
    expect(peer.path(PEER).reachability).toBe("active");
    expect(user.hears()).not.toContain(`${PEER} unreachable`);
  });

  it("beyond Path.Max.Retrans it is inactive, and the user hears of it", () => {
    const { peer, user } = failing(6);
    expect(peer.path(PEER).reachability).toBe("inactive");
    expect(user.hears()).toContain(`${PEER} unreachable`);
  });

  it("an acknowledgement of what was sent there clears the count", () => {
    const { peer, user } = failing(3);
    user.sends(FULL);
    peer.gets(to(PEER, data(4)));
    peer.sends(sack(4));
    expect(peer.path(PEER).errorCount).toBe(0);
  });

  it("choosing a path for DATA clears nothing", () => {
    const { peer, user } = failing(3);
    user.sends(FULL);
    peer.gets(to(PEER, data(4)));
    expect(peer.path(PEER).errorCount).toBe(3);
  });

  it("a HEARTBEAT that is not answered within an RTO counts", () => {
    const { peer } = established({ ...twoPaths, ...beating(2000) });
    peer.next(10_000);
    peer.skips(1001);
    expect(peer.path(PEER).errorCount + peer.path(PEER_TOO).errorCount).toBe(1);
  });

  it("with all paths inactive the association goes on until its own limit", () => {
    const { peer, user } = sending(1, {
      ...twoPaths,
      parameters: { pathMaxRetrans: 1, associationMaxRetrans: 8, rtoMaxMs: 1000 },
    });
    for (let round = 0; round < 8; round += 1) {
      peer.skips(1000);
      expect(user.state).toBe("established");
    }
    peer.skips(1000);
    expect(user.state).toBe("closed");
  });
});

describe("8.3 HEARTBEAT", () => {
  it("an idle path gets one each HB.interval plus RTO, within half an RTO either way", () => {
    const { peer } = established(beating(5000));
    const waits: number[] = [];
    for (let beat = 0; beat < 60; beat += 1) {
      const packet = peer.next(20_000);
      expect(packet?.chunks).toMatchObject([heartbeat()]);
      waits.push(packet!.afterMs);
      peer.sends(heartbeatAck({ info: packet!.chunks[0]!["info"] }));
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(5500);
    expect(Math.max(...waits)).toBeLessThanOrEqual(6500);
    // It is jitter, over most of the range.
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(600);
  });

  it("the default is 30 s", () => {
    const { peer } = established(beating(30_000));
    const packet = peer.next(100_000);
    expect(packet?.afterMs).toBeGreaterThanOrEqual(30_500);
    expect(packet?.afterMs).toBeLessThanOrEqual(31_500);
  });

  it("unanswered, it comes less often: the RTO doubles", () => {
    const { peer } = established(beating(1000, { pathMaxRetrans: 20, associationMaxRetrans: 20 }));
    const atMs = beats(peer, 60_000);
    const waits = atMs.slice(1).map((at, index) => at - atMs[index]!);
    // HB.interval and half of an RTO that is 2, 4, 8 s by then.
    expect(waits[0]).toBeGreaterThanOrEqual(1000 + 0.5 * 2000);
    expect(waits[1]).toBeGreaterThanOrEqual(1000 + 0.5 * 4000);
    expect(waits[2]).toBeGreaterThanOrEqual(1000 + 0.5 * 8000);
  });

  it("a path that carries DATA needs none", () => {
    const { peer, user } = established(beating(5000));
    for (let tsn = 1; tsn <= 60; tsn += 1) {
      user.sends(100);
      peer.gets(data(tsn));
      peer.sends(sack(tsn));
      peer.getsNothingFor(1000);
    }
  });

  it("the path that carries no DATA gets them all the same", () => {
    const { peer, user } = established({ ...twoPaths, ...beating(5000) });
    const targets: string[] = [];
    for (let tsn = 1; tsn <= 20; tsn += 1) {
      user.sends(100);
      peer.sends(sack(tsn));
      const arrived = peer
        .skips(1000)
        .filter(({ chunks }) => chunks.some(({ type }) => type === "HEARTBEAT"));
      targets.push(...arrived.map((packet) => packet.to));
      for (const packet of arrived)
        peer.sendsFrom(packet.to, heartbeatAck({ info: packet.chunks[0]!["info"] }));
    }
    expect(new Set(targets)).toEqual(new Set([PEER_TOO]));
    expect(targets.length).toBeGreaterThanOrEqual(2);
  });

  it("HEARTBEAT ACK measures the round trip", () => {
    const { peer } = established(beating(5000));
    const packet = peer.next(20_000)!;
    peer.skips(300);
    peer.sends(heartbeatAck({ info: packet.chunks[0]!["info"] }));
    expect(peer.path(PEER).smoothedRttMs).toBe(300);
  });

  it("HEARTBEAT ACK makes an inactive path active, clears its count, and the user hears of it", () => {
    const { peer, user } = established({
      ...twoPaths,
      ...beating(1000, { pathMaxRetrans: 1, rtoMaxMs: 1000 }),
    });
    user.hears();
    for (let second = 0; second < 20; second += 1) {
      for (const packet of peer.skips(1000))
        if (packet.to === PEER) peer.sends(heartbeatAck({ info: packet.chunks[0]!["info"] }));
    }
    expect(peer.path(PEER_TOO).reachability).toBe("inactive");
    expect(user.hears()).toContain(`${PEER_TOO} unreachable`);
    let packet = peer.next(20_000);
    while (packet?.to !== PEER_TOO) packet = peer.next(20_000);
    peer.sendsFrom(PEER_TOO, heartbeatAck({ info: packet.chunks[0]!["info"] }));
    expect(peer.path(PEER_TOO)).toMatchObject({ reachability: "active", errorCount: 0 });
    expect(user.hears()).toContain(`${PEER_TOO} available`);
  });

  it("HEARTBEAT ACK that nobody asked for does nothing", () => {
    const { peer } = established({ ...twoPaths, parameters: { rtoMaxMs: 1000 } });
    const before = peer.path(PEER);
    peer.sends(heartbeatAck({ info: new Uint8Array(40) }));
    peer.sends(heartbeatAck({ info: new Uint8Array(0) }));
    peer.getsNothing();
    expect(peer.path(PEER)).toEqual(before);
  });

  it("an inactive path gets HEARTBEATs at the ordinary pace, and its count stops", () => {
    const { peer } = established({ ...twoPaths, ...beating(4000, { pathMaxRetrans: 2, rtoMaxMs: 1000 }) });
    const alive = (ms: number): number[] => {
      const atMs: number[] = [];
      for (let slice = 0; slice < ms / 100; slice += 1) {
        for (const packet of peer.skips(100)) {
          if (packet.to === PEER_TOO) atMs.push(slice * 100);
          else peer.sends(heartbeatAck({ info: packet.chunks[0]!["info"] }));
        }
      }
      return atMs;
    };
    alive(30_000);
    expect(peer.path(PEER_TOO).reachability).toBe("inactive");
    const { errorCount } = peer.path(PEER_TOO);
    const count = alive(60_000).length;
    // One in 4 to 6.5 s.
    expect(count).toBeGreaterThanOrEqual(9);
    expect(count).toBeLessThanOrEqual(15);
    expect(peer.path(PEER_TOO).errorCount).toBe(errorCount);
  });

  it("the user may ask for one", () => {
    const { peer } = established(twoPaths);
    peer.step(() => peer.endpoint.requestHeartbeat(peer.handle, PEER_TOO, peer.nowMs));
    peer.gets(to(PEER_TOO, heartbeat()));
  });

  it("the user may turn them off for a path, and on again", () => {
    const { peer } = established({ ...twoPaths, ...beating(2000) });
    const set = (heartbeatEnabled: boolean): void => {
      peer.step(() => peer.endpoint.configurePath(peer.handle, PEER_TOO, { heartbeatEnabled }, peer.nowMs));
    };
    set(false);
    peer.skips(1000);
    const answering = (ms: number): string[] => {
      const targets: string[] = [];
      for (let slice = 0; slice < ms / 100; slice += 1) {
        for (const packet of peer.skips(100)) {
          targets.push(packet.to);
          peer.sendsFrom(packet.to, heartbeatAck({ info: packet.chunks[0]!["info"] }));
        }
      }
      return targets;
    };
    expect(new Set(answering(20_000))).toEqual(new Set([PEER]));
    set(true);
    expect(new Set(answering(20_000))).toEqual(new Set([PEER, PEER_TOO]));
  });

  it("the user may change HB.interval for a path", () => {
    const { peer } = established(twoPaths);
    peer.step(() =>
      peer.endpoint.configurePath(peer.handle, PEER_TOO, { heartbeatIntervalMs: 3000 }, peer.nowMs),
    );
    const packet = peer.next(10_000);
    expect(packet?.to).toBe(PEER_TOO);
    expect(packet?.afterMs).toBeLessThanOrEqual(3000 + 1500);
  });

  it("is answered in ESTABLISHED, whatever it holds", () => {
    const { peer } = receiving();
    for (const size of [0, 1, 7, 900]) {
      const info = new Uint8Array(size).fill(size);
      peer.sends(heartbeat({ info }));
      peer.gets(heartbeatAck({ info }));
    }
  });

  it("a lost ABORT is found out by the next HEARTBEAT", () => {
    const { peer, user } = established(beating(5000));
    peer.next(20_000);
    // The peer knows nothing of the association any more.
    peer.sendsPacket({ tag: peer.tag, chunks: [abort({ tagReflected: true })] });
    expect(user.hears()).toContain("comm-lost");
  });

  it("5.4 stops on a path that is not confirmed when it is inactive, but for the ordinary pace", () => {
    const { peer } = start({
      peerParameters: [ipv4(PEER_TOO)],
      parameters: { pathMaxRetrans: 2, rtoMaxMs: 1000 },
    });
    peer.calls();
    peer.takesInitAck();
    peer.sends(cookieEcho());
    // Three in three seconds; after that HB.interval counts, which is endless here.
    expect(beats(peer, 60_000, PEER_TOO)).toHaveLength(3);
  });
});
