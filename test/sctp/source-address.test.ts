import { expect, it } from "vitest";
import { US, US_TOO, sending } from "./rfc9260/kit.ts";

it("a dead address of ours is left by the retransmissions too, whatever HEARTBEATs go unanswered in between", () => {
  // The telecom timers: a path whose DATA timed out once is probed by HEARTBEATs that time out as often.
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
  const retransmissions = peer
    .skips(1500)
    .filter(({ chunks }) => chunks.some((chunk) => chunk["type"] === "DATA"))
    .map(({ from }) => from);
  expect(retransmissions.length).toBeGreaterThanOrEqual(3);
  expect(new Set(retransmissions.slice(0, 2))).toEqual(new Set([US, US_TOO]));
});
