import { expect } from "vitest";
import type { Setting } from "./scripted-peer.ts";
import { FULL, Peer } from "./scripted-peer.ts";
import { User } from "./scripted-user.ts";
import { cookieEcho, initAck, sack } from "./sketches.ts";

export { FULL, PEER, PEER_THREE, PEER_TOO, US, US_TOO } from "./scripted-peer.ts";
export type { Arrival, Peer, Setting } from "./scripted-peer.ts";
export type { User } from "./scripted-user.ts";

/**
 * A scripted peer against one real endpoint on virtual time. `peer` is the wire and the other side;
 * `user` is the upper layer of the endpoint under test.
 */
export interface Script {
  readonly peer: Peer;
  readonly user: User;
}

/** Nothing has happened yet. */
export function start(setting: Setting = {}): Script {
  const peer = new Peer(setting);
  return { peer, user: new User(peer) };
}

/** The peer has called, all its addresses are confirmed, and nothing has been sent since. */
export function established(setting: Setting = {}): Script {
  const script = start(setting);
  const { peer } = script;
  peer.calls();
  peer.takesInitAck();
  peer.sends(cookieEcho());
  settle(script);
  return script;
}

/** The endpoint has called, all addresses of the peer are confirmed, and nothing has been sent since. */
export function connected(setting: Setting = {}): Script {
  const script = start({ listening: false, ...setting });
  const { peer, user } = script;
  user.connects();
  peer.takesInit();
  peer.sends(initAck());
  peer.skips();
  peer.sends({ type: "COOKIE_ACK" });
  settle(script);
  return script;
}

function settle({ peer, user }: Script): void {
  for (let round = 0; round < peer.addresses.length; round += 1) {
    peer.answersHeartbeats();
    if (peer.addresses.length > 1) peer.arrivals.push(...peer.skips(1000));
  }
  expect(user.hears()).toContain("comm-up");
  peer.arrivals.length = 0;
}

/** Established, and the peer's first DATA (TSN 1) is acknowledged: from now on SACKs may be delayed. */
export function receiving(setting: Setting = {}): Script {
  const script = established(setting);
  const { peer, user } = script;
  peer.sends({ type: "DATA", tsn: peer.setting.peerInitialTsn ?? 1 });
  peer.skips(500);
  user.takes();
  return script;
}

/** Established, `count` full packets are out (TSN 1 to `count`), and nothing is acknowledged. */
export function sending(count: number, setting: Setting = {}): Script {
  const script = established(setting);
  script.user.sends(...Array.from({ length: count }, () => FULL));
  script.peer.skips();
  return script;
}

/**
 * Established, with a congestion window of `packets` full packets that is full: TSN 1 to `packets` are out,
 * sent just now, nothing is queued, and no round trip has taken time (RTO is RTO.Min, one second). It got
 * there by slow start from 4 packets: each SACK for one full packet lets the window grow by one.
 */
export function full(packets: number, setting: Setting = {}): Script {
  const script = established({
    ...setting,
    peerWindow: 10_000_000,
    parameters: { maxBurst: 1000, sendBufferBytes: 10_000_000, ...setting.parameters },
  });
  const { peer, user } = script;
  const acknowledged = packets - 4;
  user.sends(...Array.from({ length: acknowledged + packets }, () => FULL));
  for (let tsn = 1; tsn <= acknowledged; tsn += 1) peer.sends(sack(tsn));
  peer.skips();
  peer.theirInitialTsn = (peer.theirInitialTsn + acknowledged) >>> 0;
  user.hears();
  return script;
}
