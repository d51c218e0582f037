import { describe, expect, it } from "vitest";
import type { Extensions } from "../../../agents/sctp/index.ts";
import { quietNetwork } from "../../sim/network.ts";
import { StaleTakeover } from "./stale-takeover.ts";

const lostAddress = "192.0.2.11";
const ownAddress = "192.0.2.12";
const withAsconf = { authentication: true, addressReconfiguration: true };

function takenOver(extensions: Partial<Extensions>, lagTurns: number): StaleTakeover {
  const stage = new StaleTakeover({ seed: 5, faults: quietNetwork, extensions });
  for (let at = 0; at < 10; at++) {
    stage.send(stage.a, { streamId: at % 3, size: 200 });
    stage.send(stage.peer, { streamId: at % 3, size: 200 });
    stage.world.run(30);
  }
  stage.takeOver(lagTurns, lagTurns, [lostAddress]);
  return stage;
}

const peerSendsTo = (stage: StaleTakeover, sinceMs: number): readonly string[] =>
  stage.world.network.log
    .filter(({ atMs, datagram }) => atMs > sinceMs && datagram.from === "192.0.2.20")
    .map(({ datagram }) => datagram.to);

describe("the peer of a lost address", () => {
  it.each([0, 8])(
    "is sent away from it by ASCONF, and forgets it once nothing is missing, from a state %i turns old",
    (lagTurns) => {
      const stage = takenOver({ partialReliability: true, ...withAsconf }, lagTurns);
      stage.world.run(10);
      expect(stage.steps()).toContain("redirect");
      expect(stage.stateOf(stage.peer).primaryAddress).toBe(ownAddress);
      // Not before it has sent here: usrsctp loses what is outstanding to an address that it is told to delete.
      expect(stage.stateOf(stage.peer).agreement.peerAddresses).toContain(lostAddress);
      const send20 = (): void => {
        for (let at = 0; at < 20; at++) {
          stage.send(stage.peer, { size: 200 });
          stage.world.run(100);
        }
      };
      send20();
      expect(stage.stateOf(stage.peer).agreement.peerAddresses).toEqual([ownAddress]);
      const forgottenAtMs = stage.world.nowMs;
      send20();
      expect(new Set(peerSendsTo(stage, forgottenAtMs))).toEqual(new Set([ownAddress]));
      expect(stage.toCluster().slice(-20)).toHaveLength(20);
    },
  );

  it("hears of it again when it is back", () => {
    const stage = takenOver({ partialReliability: true, ...withAsconf }, 0);
    for (let at = 0; at < 20; at++) {
      stage.world.run(100);
      stage.send(stage.peer, { size: 200 });
    }
    stage.world.run(100);
    expect(stage.stateOf(stage.peer).agreement.peerAddresses).toEqual([ownAddress]);
    const { b } = stage;
    expect(b?.endpoint.addAddress(b.handle ?? 0, lostAddress, stage.world.nowMs)).toBe("accepted");
    stage.world.run(500);
    expect(stage.stateOf(stage.peer).agreement.peerAddresses).toEqual([ownAddress, lostAddress]);
    expect(b?.events).toEqual([]);
  });

  it.each<[string, Partial<Extensions>]>([
    ["ASCONF was not agreed on", { partialReliability: true }],
    ["only AUTH was", { partialReliability: true, authentication: true }],
  ])("is told nothing where %s", (_, extensions) => {
    const stage = takenOver(extensions, 8);
    stage.world.run(500);
    expect(stage.steps()).not.toContain("redirect");
    expect(stage.stateOf(stage.peer).agreement.peerAddresses).toContain(lostAddress);
    expect(stage.peer.events).toHaveLength(1);
  });
});
