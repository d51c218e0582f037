import { describe, expect, it } from "vitest";
import { quietNetwork } from "../../sim/network.ts";
import { StaleTakeover } from "./stale-takeover.ts";

/** A state of long ago, as the policy of one synchronisation when failure is near leaves it, and a lease of just now. */
function longAgo(messages: number, interleaving: boolean): StaleTakeover {
  const stage = new StaleTakeover({
    seed: 6,
    faults: quietNetwork,
    extensions: { partialReliability: true, interleaving },
    spareTsns: 64,
  });
  for (let at = 0; at < messages; at++) {
    stage.send(stage.a, { streamId: at % 2 });
    stage.send(stage.peer, { streamId: at % 2 });
    if (at % 50 === 49) stage.world.run(30);
  }
  stage.world.run(100);
  stage.takeOver(stage.turns.length, 0);
  return stage;
}

describe.each([false, true])("a state of long ago, I-DATA: %s", (interleaving) => {
  it("skips few TSNs, and reports what the peer had acknowledged to it", () => {
    // More than the SSNs of a stream, and than the TSNs that are taken in above the cumulative one.
    const messages = 7000;
    const stage = longAgo(messages, interleaving);
    const { b, peer } = stage;
    if (b === undefined) throw new Error("nobody has taken over");
    stage.world.run(1000);
    expect(stage.stateOf(b).send.outstanding.length).toBe(0);
    for (let at = 0; at < 20; at++) {
      stage.send(b, { streamId: at % 2 });
      stage.send(peer, { streamId: at % 2 });
      stage.world.run(100);
    }
    stage.world.run(2000);
    expect([...b.events, ...peer.events.slice(1)]).toEqual([]);
    expect(stage.reports("inbound")).toMatchObject([{ messagesAtMost: messages }]);
    expect(stage.reports("outbound")).toMatchObject([{ firstTsn: stage.nextTsnOfA }]);
    expect(stage.reports("outbound")[0]!.lastTsn - stage.nextTsnOfA).toBeLessThan(70);
    expect(stage.toPeer().slice(-20)).toEqual(stage.sentByB);
    expect(stage.toCluster()).toHaveLength(20);
  });
});

describe("an idle peer", () => {
  it("shows what is lost when it sends again", () => {
    const stage = longAgo(30, false);
    stage.world.run(20_000);
    expect(stage.reports("inbound")).toEqual([]);
    stage.send(stage.peer);
    stage.world.run(3000);
    expect(stage.reports("inbound")).toMatchObject([{ messagesAtMost: 30 }]);
    expect(stage.toCluster()).toHaveLength(1);
  });

  it("that shuts down has everything that it sent reported as perhaps lost", () => {
    const stage = longAgo(30, false);
    stage.world.run(500);
    stage.peer.endpoint.shutdown(stage.peer.handle ?? 0, stage.world.nowMs);
    stage.world.run(3000);
    const [report] = stage.reports("inbound");
    expect(report?.firstTsn).toBe(stage.sentByPeer.messages[0]?.tsns[0]);
    expect(stage.b?.events).toEqual(["shutdown-complete "]);
    expect(stage.peer.events.slice(1)).toEqual(["shutdown-complete "]);
  });

  it("has the same reported where the cluster is the one that shuts down", () => {
    const stage = longAgo(30, false);
    stage.world.run(500);
    stage.b?.endpoint.shutdown(stage.b.handle ?? 0, stage.world.nowMs);
    stage.world.run(3000);
    const [report] = stage.reports("inbound");
    expect(report?.firstTsn).toBe(stage.sentByPeer.messages[0]?.tsns[0]);
    expect(stage.b?.events).toEqual(["shutdown-complete "]);
  });
});
