import { expect, it } from "vitest";
import type { Peer } from "./rfc9260/kit.ts";
import { US, US_TOO, sending } from "./rfc9260/kit.ts";
import { data } from "./rfc9260/sketches.ts";

/** The telecom timers: a path whose DATA timed out once is probed by HEARTBEATs that time out as often. */
function telecom(): Peer {
  const { peer } = sending(1, {
    localAddresses: [US, US_TOO],
    parameters: {
      rtoInitialMs: 300,
      rtoMinMs: 100,
      rtoMaxMs: 400,
      heartbeatIntervalMs: 1000,
      potentiallyFailedMaxRetrans: 0,
    },
  });
  peer.endpoint.useOtherAddresses(true);
  return peer;
}

const sourcesOfData = (peer: Peer, forMs: number): string[] =>
  peer
    .skips(forMs)
    .filter(({ chunks }) => chunks.some((chunk) => chunk["type"] === "DATA"))
    .map(({ from }) => from);

it("a dead address of ours is left by the retransmissions too, whatever HEARTBEATs go unanswered in between", () => {
  const sources = sourcesOfData(telecom(), 1500);
  expect(sources.length).toBeGreaterThanOrEqual(3);
  expect(new Set(sources.slice(0, 2))).toEqual(new Set([US, US_TOO]));
});

it("a retransmission leaves from where the peer has sent meanwhile, not from where its chunk was lost", () => {
  const peer = telecom();
  peer.sendsPacket({ to: US_TOO, chunks: [data(1)] });
  expect(sourcesOfData(peer, 350)).toEqual([US_TOO]);
});
