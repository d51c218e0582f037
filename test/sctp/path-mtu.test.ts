import { describe, expect, it } from "vitest";
import { createMtuSearch, nextProbeBytes, probeLost } from "../../agents/sctp/path/mtu-search.ts";
import { Pair, addresses } from "./pair.ts";

const discovery = { pathMtuDiscovery: true, largestPacketBytes: 8972 };

/** A pair whose network takes SCTP packets up to a size that can change. */
function withMtu(largest: number): { pair: Pair; limit: { bytes: number } } {
  const limit = { bytes: largest };
  const pair = new Pair({ parameters: discovery });
  pair.lost = ({ bytes }) => bytes.length > limit.bytes;
  return { pair, limit };
}

const packetSize = (pair: Pair): number | undefined =>
  pair.client.endpoint.statistics(pair.client.handle ?? 0)?.paths[0]?.packetSizeBytes;

describe("the search for the path MTU (RFC 8899)", () => {
  it.each([1152, 1232, 1300, 1472, 2000, 4324, 8972])("finds %i bytes within the resolution", (largest) => {
    for (let link = largest; link >= largest - 6; link--) {
      const search = createMtuSearch(8972);
      let known = 1152;
      for (let size = nextProbeBytes(search, known); size !== undefined;) {
        search.probe = { nonce: new Uint8Array(0), sizeBytes: size };
        if (size <= link) known = size;
        else while (!probeLost(search)) continue;
        size = nextProbeBytes(search, known);
      }
      if (link < 1152) return;
      expect(known).toBeLessThanOrEqual(link);
      expect(link - known).toBeLessThanOrEqual(8);
    }
  });

  it("begins with the base and grows to what the network takes, without loss of data", () => {
    const { pair } = withMtu(1452);
    expect(packetSize(pair)).toBeLessThan(1452);
    pair.world.run(60_000);
    expect(packetSize(pair)).toBe(1452);
    pair.send(pair.client, 5000);
    pair.world.run(1000);
    expect(pair.server.received).toHaveLength(1);
    expect(pair.notifications(pair.client, "peer-address-change")).toEqual([]);
  });

  it("falls back where large packets vanish without a word", () => {
    const { pair, limit } = withMtu(1472);
    pair.world.run(60_000);
    expect(packetSize(pair)).toBe(1472);
    limit.bytes = 1200;
    pair.send(pair.client, 4000);
    pair.world.run(20_000);
    expect(packetSize(pair)).toBe(1152);
    // What is outstanding keeps its size: it needs a network that fragments.
    limit.bytes = 1472;
    expect(pair.world.run(60_000, () => pair.server.received.length === 1)).toBe(true);
  });

  it("believes ICMP only within reason", () => {
    const { pair } = withMtu(1472);
    pair.world.run(60_000);
    const sent = pair.world.network.log.findLast(({ datagram }) => datagram.from === addresses.client[0]);
    const report = (mtuBytes: number, quoted: Uint8Array) =>
      ({
        kind: "packet-too-big",
        mtuBytes,
        quoted,
        route: { local: addresses.client[0], remote: "192.0.2.11" },
      }) as const;
    const quoted = sent?.datagram.bytes.subarray(0, 20) ?? new Uint8Array(0);
    const wrongTag = quoted.slice();
    wrongTag[5] = (wrongTag[5] ?? 0) ^ 1;
    for (const absurd of [report(68, quoted), report(9000, quoted), report(1300, wrongTag)]) {
      pair.client.endpoint.receiveIcmp(absurd, pair.world.nowMs);
      expect(packetSize(pair)).toBe(1472);
    }
    pair.client.endpoint.receiveIcmp(report(1300, quoted), pair.world.nowMs);
    expect(packetSize(pair)).toBe(1280);
  });

  it("leaves a fixed size alone", () => {
    const pair = new Pair({ parameters: { packetSizeBytes: 1400 } });
    pair.world.run(700_000);
    expect(packetSize(pair)).toBe(1400);
    expect(pair.sent(pair.client).some(({ chunk }) => chunk.type === "PAD")).toBe(false);
  });
});
