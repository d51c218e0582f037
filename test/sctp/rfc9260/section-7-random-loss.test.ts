import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../agents/sctp/index.ts";
import { PEER, PEER_TOO, established } from "./kit.ts";
import type { Script } from "./kit.ts";
import { sack } from "./sketches.ts";

const MESSAGES = 150;
const PACKET = 1000;

/** What a receiver knows that acknowledges honestly, loses packets, and now and then takes something back. */
class Receiver {
  cumulative: number = 0;
  readonly above: Set<number> = new Set<number>();
  readonly payloads: Map<number, string> = new Map<number, string>();

  takes(tsn: number, payload: Uint8Array): void {
    const text = `${payload.length}:${payload[0] ?? 0}`;
    expect(this.payloads.get(tsn) ?? text, `TSN ${tsn} has one payload`).toBe(text);
    this.payloads.set(tsn, text);
    if (tsn > this.cumulative) this.above.add(tsn);
    while (this.above.delete(this.cumulative + 1)) this.cumulative += 1;
  }

  reneges(): void {
    const last = [...this.above].at(-1);
    if (last !== undefined) this.above.delete(last);
  }

  report(): ReturnType<typeof sack> {
    const gaps: [number, number][] = [];
    for (const tsn of [...this.above].sort((a, b) => a - b)) {
      const block = gaps.at(-1);
      if (block !== undefined && block[1] === tsn - 1) block[1] = tsn;
      else gaps.push([tsn, tsn]);
    }
    return sack(this.cumulative, { gaps, advertisedWindow: 1_000_000 });
  }
}

/**
 * Gives a SACK to the endpoint. Rule B of section 6.1: what goes out for it found room below the window, but
 * for the one packet of a fast retransmission; and the window grows by one packet at most.
 */
function acknowledge({ peer }: Script, report: ReturnType<typeof sack>): void {
  const paths = () => peer.endpoint.statistics(peer.handle)?.paths ?? [];
  const before = new Map(paths().map((path) => [path.address, path.windowBytes]));
  const seen = peer.arrivals.length;
  peer.sends(report);
  for (const { address, windowBytes, flightBytes } of paths()) {
    // The formula of section 7.2.3 raises a window that was below four packets to four packets.
    expect(windowBytes).toBeLessThanOrEqual(Math.max((before.get(address) ?? 0) + PACKET, 4 * PACKET));
    expect(windowBytes).toBeGreaterThanOrEqual(PACKET);
    const sent = peer.arrivals.slice(seen).filter((packet) => packet.to === address).length;
    if (sent > 1) expect(flightBytes).toBeLessThan(windowBytes + 2 * PACKET);
  }
}

function play(seed: number, peerAddresses: readonly string[]): void {
  const random = seededRandom(seed);
  const chance = (probability: number): boolean => random.uint32() / 2 ** 32 < probability;
  const script = established({
    peerAddresses,
    peerWindow: 1_000_000,
    parameters: { associationMaxRetrans: 1000, rtoMaxMs: 4000 },
  });
  const { peer, user } = script;
  const receiver = new Receiver();
  let late: ReturnType<typeof sack> | undefined;
  let sent = 0;
  for (let step = 0; step < 20_000 && (sent < MESSAGES || receiver.cumulative < sent); step += 1) {
    const lossy = step < 400;
    for (; sent < MESSAGES && chance(0.5); sent += 1) {
      const size = 1 + (random.uint32() % 984);
      user.sends({ size, payload: new Uint8Array(size).fill(sent) });
    }
    let news = false;
    for (const packet of peer.arrivals.splice(0)) {
      if (lossy && chance(0.15)) continue;
      for (const chunk of packet.chunks) {
        if (chunk.type !== "DATA") continue;
        receiver.takes(Number(chunk["tsn"]), chunk["payload"] as Uint8Array);
        news = true;
      }
    }
    if (lossy && chance(0.02)) receiver.reneges();
    if (news && !(lossy && chance(0.1))) acknowledge(script, receiver.report());
    if (late !== undefined && chance(0.3)) {
      acknowledge(script, late);
      late = undefined;
    } else if (lossy && chance(0.1)) late = receiver.report();
    peer.arrivals.push(...peer.skips(chance(0.2) ? 1000 : random.uint32() % 60));
  }
  expect(receiver.cumulative).toBe(MESSAGES);
  peer.sends(receiver.report());
  peer.skips(5000);
  expect(user.hears()).toContain("sender-dry");
  expect(user.state).toBe("established");
  peer.getsNothingFor(100_000);
}

describe("7.2 under random loss, late SACKs and reneging", () => {
  it.each(Array.from({ length: 30 }, (_, index) => 9260 + index * 101))(
    "all is delivered, and no window is exceeded, seed %i",
    (seed) => {
      play(seed, [PEER]);
    },
  );

  it.each(Array.from({ length: 15 }, (_, index) => 4960 + index * 103))(
    "the same with two addresses, seed %i",
    (seed) => {
      play(seed, [PEER, PEER_TOO]);
    },
  );
});
