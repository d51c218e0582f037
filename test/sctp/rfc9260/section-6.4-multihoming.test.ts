import { describe, expect, it } from "vitest";
import {
  FULL,
  PEER,
  PEER_THREE,
  PEER_TOO,
  US_TOO,
  US,
  established,
  receiving,
  sending,
  start,
} from "./kit.ts";
import type { Script } from "./kit.ts";
import { cookieEcho, data, error, heartbeat, heartbeatAck, ipv4, sack, to } from "./sketches.ts";

const twoPaths = { peerAddresses: [PEER, PEER_TOO] };
const threePaths = { peerAddresses: [PEER, PEER_TOO, PEER_THREE] };

/** The primary path is inactive after six time-outs in a row (Path.Max.Retrans 5), the other one works. */
function primaryDead(setting = twoPaths): Script {
  const script = established({ ...setting, parameters: { rtoMaxMs: 1000 } });
  const { peer, user } = script;
  // Each message goes to the primary path first, times out, and is acknowledged on the other one.
  for (let tsn = 1; tsn <= 6; tsn += 1) {
    user.sends(FULL);
    peer.gets(to(PEER, data(tsn)));
    const again = peer.skips(1000).filter((packet) => packet.to !== PEER);
    expect(again).toMatchObject([{ chunks: [data(tsn)] }]);
    peer.sendsFrom(again[0]!.to, sack(tsn));
  }
  expect(peer.path(PEER).reachability).toBe("inactive");
  return script;
}

describe("6.4 new DATA", () => {
  it("goes to the primary path, which is the one that the peer called from", () => {
    const { peer, user } = established(twoPaths);
    for (let tsn = 1; tsn <= 4; tsn += 1) {
      user.sends(FULL);
      peer.gets(to(PEER, data(tsn)));
    }
  });

  it("stays on the primary path wherever the peer sends from", () => {
    const { peer, user } = receiving(twoPaths);
    peer.sendsFrom(PEER_TOO, data(2, { immediate: true }));
    peer.gets(to(PEER_TOO, sack(2)));
    user.sends(FULL);
    peer.gets(to(PEER, data(1)));
  });

  it("stays on the primary path after one time-out", () => {
    const { peer, user } = sending(1, twoPaths);
    peer.getsAfter(1000, to(PEER_TOO, data(1)));
    peer.sendsFrom(PEER_TOO, sack(1));
    user.sends(FULL);
    peer.gets(to(PEER, data(2)));
  });

  it("goes to where the user says, once it has chosen another primary path", () => {
    const { peer, user } = established(twoPaths);
    expect(peer.step(() => peer.endpoint.setPrimary(peer.handle, PEER_TOO))).toBe(true);
    user.sends(FULL);
    peer.gets(to(PEER_TOO, data(1)));
  });

  it("an address that is not the peer's cannot be the primary path", () => {
    const { peer, user } = established(twoPaths);
    expect(peer.step(() => peer.endpoint.setPrimary(peer.handle, "192.0.2.99"))).toBe(false);
    user.sends(FULL);
    peer.gets(to(PEER, data(1)));
  });

  it("comes with the SACK only where both go to the same place", () => {
    const { peer, user } = receiving(twoPaths);
    peer.sendsFrom(PEER_TOO, data(2));
    user.sends(100);
    const packets = peer.skips(200);
    const withData = packets.find(({ chunks }) => chunks.some(({ type }) => type === "DATA"));
    const withSack = packets.find(({ chunks }) => chunks.some(({ type }) => type === "SACK"));
    expect(withData?.to).toBe(PEER);
    expect(withSack?.to).toBe(PEER_TOO);
  });
});

describe("6.4 replies go to where the chunk came from", () => {
  it("HEARTBEAT ACK", () => {
    const { peer } = receiving(twoPaths);
    for (const from of [PEER_TOO, PEER]) {
      peer.sendsFrom(from, heartbeat());
      peer.gets(to(from, heartbeatAck()));
    }
  });

  it("from the address that was asked", () => {
    const { peer } = receiving({ ...twoPaths, localAddresses: [US, US_TOO] });
    peer.sendsPacket({ from: PEER_TOO, to: US_TOO, chunks: [heartbeat()] });
    peer.gets({ to: PEER_TOO, from: US_TOO, chunks: [heartbeatAck()] });
  });

  it("ERROR", () => {
    const { peer } = receiving(twoPaths);
    peer.sendsFrom(PEER_TOO, { type: "UNKNOWN", typeNumber: 254, flags: 0, value: new Uint8Array(4) });
    peer.gets(to(PEER_TOO, error({ code: 6 })));
  });

  it("SACK follows DATA from one address to the other", () => {
    const { peer } = receiving(twoPaths);
    for (const [tsn, from] of [
      [2, PEER_TOO],
      [3, PEER_TOO],
      [4, PEER],
      [5, PEER_TOO],
    ] as const) {
      peer.sendsFrom(from, data(tsn, { immediate: true }));
      peer.gets(to(from, sack(tsn)));
    }
  });
});

describe("6.4 and 6.4.1 retransmission", () => {
  it("after a time-out goes to another active address", () => {
    const { peer } = sending(1, twoPaths);
    peer.getsAfter(1000, to(PEER_TOO, data(1)));
  });

  it("changes the address each time", () => {
    const { peer } = sending(1, twoPaths);
    peer.getsAfter(1000, to(PEER_TOO, data(1)));
    peer.getsAfter(1000, to(PEER, data(1)));
    peer.getsAfter(2000, to(PEER_TOO, data(1)));
  });

  it("tries every address before the first one again", () => {
    const { peer } = sending(1, threePaths);
    const targets = Array.from({ length: 2 }, () => peer.next(100_000)?.to);
    expect(targets).toEqual([PEER_TOO, PEER_THREE]);
  });

  it("finds the one address of three that works before the association is given up", () => {
    const { peer, user } = sending(1, threePaths);
    for (let tries = 0; tries < 20; tries += 1) {
      const packet = peer.next(100_000);
      if (packet?.to !== PEER_THREE) continue;
      peer.sendsFrom(PEER_THREE, sack(1));
      break;
    }
    expect(user.state).toBe("established");
    expect(peer.path(PEER_THREE).flightBytes).toBe(0);
    expect(user.hears()).toContain("sender-dry");
  });

  it("with one address only goes there again", () => {
    const { peer } = sending(1);
    peer.getsAfter(1000, to(PEER, data(1)));
  });

  it("never goes to an address that is not confirmed", () => {
    const { peer, user } = start({ peerParameters: [ipv4(PEER_TOO)] });
    peer.calls();
    peer.takesInitAck();
    peer.sends(cookieEcho());
    user.sends(FULL);
    peer.skips();
    const packets = peer.skips(1000).filter(({ chunks }) => chunks.some(({ type }) => type === "DATA"));
    expect(packets.map((packet) => packet.to)).toEqual([PEER]);
  });

  it("avoids an address that is inactive", () => {
    const { peer, user } = primaryDead();
    user.sends(FULL);
    peer.gets(to(PEER_TOO, data(7)));
    peer.getsAfter(1000, to(PEER_TOO, data(7)));
  });

  it("6.3.2 F1: a timer goes on when new DATA moves to another path", () => {
    const { peer, user } = sending(1, twoPaths);
    peer.getsNothingFor(400);
    peer.step(() => peer.endpoint.setPrimary(peer.handle, PEER_TOO));
    user.sends(FULL);
    peer.gets(to(PEER_TOO, data(2)));
    peer.getsAfter(600, to(PEER_TOO, data(1)));
  });

  it("6.3.2: each path has a T3-rtx of its own", () => {
    const { peer, user } = sending(1, twoPaths);
    peer.getsNothingFor(400);
    peer.step(() => peer.endpoint.setPrimary(peer.handle, PEER_TOO));
    user.sends(FULL);
    peer.gets(to(PEER_TOO, data(2)));
    peer.sends(sack(1));
    // TSN 2 was sent at 400: its timer is due at 1400.
    peer.getsNothingFor(999);
    peer.getsAfter(1, to(PEER, data(2)));
  });
});

describe("6.4.1 and 8.2 an inactive primary path", () => {
  it("new DATA goes to another address that is active", () => {
    const { peer, user } = primaryDead();
    user.sends(FULL);
    peer.gets(to(PEER_TOO, data(7)));
  });

  it("and to one only, where there are several", () => {
    const { peer, user } = primaryDead(threePaths);
    const targets = new Set<string>();
    for (let tsn = 7; tsn <= 12; tsn += 1) {
      user.sends(FULL);
      targets.add(peer.skips()[0]?.to ?? "");
      peer.sends(sack(tsn));
    }
    expect(targets.size).toBe(1);
    expect(targets.has(PEER)).toBe(false);
  });

  it("the user hears of it, and when it is back", () => {
    const { peer, user } = primaryDead();
    expect(user.hears()).toContain(`${PEER} unreachable`);
    peer.step(() => peer.endpoint.requestHeartbeat(peer.handle, PEER, peer.nowMs));
    peer.answersHeartbeats();
    expect(user.hears()).toContain(`${PEER} available`);
  });

  it("DATA returns to it when it is active again", () => {
    const { peer, user } = primaryDead();
    peer.step(() => peer.endpoint.requestHeartbeat(peer.handle, PEER, peer.nowMs));
    peer.answersHeartbeats();
    user.sends(FULL);
    peer.gets(to(PEER, data(7)));
  });
});
