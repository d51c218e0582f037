import { describe, expect, it } from "vitest";
import type { Extensions } from "../../../agents/sctp/index.ts";
import { quietNetwork } from "../../sim/network.ts";
import { StaleTakeover } from "./stale-takeover.ts";

/** Both have sent and got more than B knows of. */
function stale(extensions: Partial<Extensions>, seed: number, accepts: boolean = true): StaleTakeover {
  const stage = new StaleTakeover({
    seed,
    faults: quietNetwork,
    extensions,
    parameters: { acceptsAssociationReset: accepts },
  });
  const talk = (): void => {
    for (let at = 0; at < 10; at++) {
      stage.send(stage.a, { streamId: at % 3, size: 200 });
      stage.send(stage.peer, { streamId: at % 3, size: 200 });
    }
    stage.world.run(300);
  };
  talk();
  stage.world.run(100);
  const known = stage.turns.length;
  talk();
  stage.takeOver(stage.turns.length - known, stage.turns.length - known);
  return stage;
}

function goOn(stage: StaleTakeover): void {
  const { b, peer } = stage;
  if (b === undefined) throw new Error("nobody has taken over");
  for (let at = 0; at < 6; at++) {
    stage.send(b, { streamId: at % 3, size: 200 });
    stage.send(peer, { streamId: at % 3, size: 200 });
    stage.world.run(400);
  }
  stage.world.run(10_000);
}

it("asks for a SACK by a TSN that even a peer which goes on from an older state itself has had", () => {
  const stage = stale({ partialReliability: true }, 4);
  const asked = stage.told.flatMap(({ notification }) =>
    notification.type === "recovery-step" && notification.step === "probe" ? [notification.text] : [],
  );
  const acknowledged = stage.folded?.send.cumulativeAck ?? 0;
  expect(asked).toEqual([expect.stringContaining(`by TSN ${(acknowledged - 65_536) >>> 0},`)]);
});

describe("down the recovery ladder", () => {
  it("takes FORWARD TSN where the peer knows it", () => {
    const stage = stale({ partialReliability: true, streamReconfiguration: true }, 1);
    goOn(stage);
    expect(stage.steps()).toEqual(["lease", "probe", "forward-tsn", "resynchronise"]);
    expect(stage.b?.events).toEqual([]);
  });

  it("has all numbers begin anew where it knows RE-CONFIG only", () => {
    const stage = stale({ streamReconfiguration: true }, 2);
    goOn(stage);
    expect(stage.steps()).toEqual(["lease", "probe", "stream-reset", "resynchronise"]);
    expect([...(stage.b?.events ?? []), ...stage.peer.events.slice(1)]).toEqual([]);
    const inbound = stage.reports("inbound");
    expect(inbound.map(({ firstTsn, lastTsn }) => lastTsn - firstTsn + 1)).toEqual([10]);
    expect(stage.toPeer().filter((name) => name.startsWith("B"))).toEqual(stage.sentByB);
    expect(stage.toCluster().length).toBe(10 + 6);
  });

  it("restarts the association where a lease is larger than any gap that a peer takes", () => {
    const stage = new StaleTakeover({
      seed: 7,
      extensions: { partialReliability: true },
      spareTsns: 100_000,
    });
    stage.world.network.faults = { ...quietNetwork, loss: 1 };
    stage.send(stage.a);
    stage.world.network.faults = quietNetwork;
    stage.takeOver(0, 0);
    stage.world.run(1000);
    expect(stage.steps()).toEqual(["resynchronise", "restart"]);
    expect(stage.reports("outbound")).toMatchObject([{ messagesAtMost: 1 }]);
    expect(stage.b?.events.map((event) => event.split(" ")[0])).toEqual(["restart", "comm-up"]);
  });

  it("restarts the association where the peer refuses that, or knows neither", () => {
    for (const [extensions, steps] of [
      [{ streamReconfiguration: true }, ["lease", "probe", "stream-reset", "resynchronise", "restart"]],
      [{}, ["lease", "probe", "resynchronise", "restart"]],
    ] as const) {
      const stage = stale(extensions, 3, false);
      stage.world.run(2000);
      expect(stage.steps()).toEqual(steps);
      expect(stage.peer.events.map((event) => event.split(" ")[0])).toEqual([
        "comm-up",
        "restart",
        "comm-up",
      ]);
      expect(stage.b?.events.map((event) => event.split(" ")[0])).toEqual(["restart", "comm-up"]);
      goOn(stage);
      expect(stage.toPeer().filter((name) => name.startsWith("B"))).toEqual(stage.sentByB);
      expect(
        stage
          .toCluster()
          .filter((name) => stage.sentByPeer.messages.slice(-6).some(({ text }) => text === name)),
      ).toHaveLength(6);
    }
  });
});
