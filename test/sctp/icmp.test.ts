import { describe, expect, it } from "vitest";
import type { IcmpReport } from "../../agents/sctp/index.ts";
import { Endpoint, seededRandom } from "../../agents/sctp/index.ts";
import { endpointConfig } from "../sim/endpoints.ts";
import { Pair, addresses } from "./pair.ts";

const route = { local: addresses.client[0], remote: "192.0.2.11" };

function afterSending(
  kind: IcmpReport["kind"],
  spoil: (quoted: Uint8Array) => Uint8Array = (it) => it,
  times = 1,
): Pair {
  const pair = new Pair();
  pair.send(pair.client, 100);
  pair.drain();
  const sent = pair.world.network.log.findLast(({ datagram }) => datagram.from === addresses.client[0]);
  const quoted = spoil(sent?.datagram.bytes.slice() ?? new Uint8Array(0));
  for (let time = 0; time < times; time++)
    pair.client.endpoint.receiveIcmp({ kind, quoted, route }, pair.world.nowMs);
  pair.drain();
  return pair;
}

const isAlive = (pair: Pair): boolean => pair.client.endpoint.state(pair.client.handle ?? 0) !== undefined;

const errors = (pair: Pair): number | undefined =>
  pair.client.endpoint.statistics(pair.client.handle ?? 0)?.paths[0]?.errorCount;

describe("ICMP (RFC 9260 section 10)", () => {
  it("protocol unreachable with the right tag ends the association as an ABORT does (ICMP8)", () => {
    const pair = afterSending("protocol-unreachable");
    expect(isAlive(pair)).toBe(false);
    expect(pair.notifications(pair.client, "association-change").at(-1)?.state).toBe("comm-lost");
  });

  it("is ignored where the tag, a port or the length is wrong (ICMP5, ICMP6)", () => {
    const flip = (at: number) => (quoted: Uint8Array) =>
      quoted.map((byte, index) => (index === at ? byte ^ 1 : byte));
    for (const spoil of [flip(1), flip(3), flip(6), (quoted: Uint8Array) => quoted.subarray(0, 7)]) {
      expect(isAlive(afterSending("protocol-unreachable", spoil))).toBe(true);
    }
  });

  it("port unreachable means nothing (ICMP3), another unreachable is one error of the path (ICMP9)", () => {
    expect(errors(afterSending("port-unreachable"))).toBe(0);
    expect(errors(afterSending("unreachable"))).toBe(1);
  });

  it("a route that is lost is one error, though a hundred packets waited for the neighbour", () => {
    const pair = afterSending("unreachable", (it) => it, 100);
    expect(isAlive(pair)).toBe(true);
    expect(errors(pair)).toBe(1);
  });

  it("protocol unreachable for an INIT ends the attempt, with our own tag as the proof", () => {
    const endpoint = new Endpoint(endpointConfig(addresses.client, false), seededRandom(5));
    endpoint.connect(route.remote, 7000, 1000);
    const [init] = endpoint.takeOutputs().packets;
    const quoted = init?.bytes ?? new Uint8Array(0);
    endpoint.receiveIcmp({ kind: "protocol-unreachable", quoted: quoted.subarray(0, 16), route }, 1001);
    expect(endpoint.takeOutputs().notifications).toEqual([]);
    endpoint.receiveIcmp({ kind: "protocol-unreachable", quoted: quoted.subarray(0, 20), route }, 1001);
    expect(endpoint.takeOutputs().notifications).toMatchObject([{ notification: { state: "cant-start" } }]);
    expect(endpoint.nextDeadlineMs()).toBeUndefined();
  });
});
