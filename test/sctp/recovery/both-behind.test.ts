import { expect, it } from "vitest";
import { tsnAdd } from "../../../agents/sctp/base/serial.ts";
import {
  Endpoint,
  cloneAssociationState,
  seededRandom,
  ssn,
  writeLease,
} from "../../../agents/sctp/index.ts";
import { writePacket } from "../../../agents/sctp/wire/index.ts";
import { StaleTakeover } from "./stale-takeover.ts";

/** Messages from A to P, or from P to A, and all of them acknowledged. */
function talk(stage: StaleTakeover, from: "a" | "peer", count: number): void {
  for (let at = 0; at < count; at++) stage.send(stage[from], { streamId: at % 3 });
  stage.world.run(300);
}

const opened = (): StaleTakeover => new StaleTakeover({ seed: 8, extensions: { partialReliability: true } });

it("a peer that went on from an older state than what was acknowledged answers the probe all the same", () => {
  const stage = opened();
  talk(stage, "a", 4);
  const { peer, world } = stage;
  const older = cloneAssociationState(stage.stateOf(peer));
  talk(stage, "a", 6);
  peer.endpoint = new Endpoint(peer.config, seededRandom(9));
  peer.endpoint.resume(older, world.nowMs, { lag: { lease: writeLease(older, 16) } });
  world.drain(peer);
  const b = stage.takeOver(0, 0);
  world.run(50);
  const stepsOf = (node: typeof b): string[] =>
    stage.told.flatMap((each) =>
      each.node === node && each.notification.type === "recovery-step" ? [each.notification.step] : [],
    );
  expect(stepsOf(b)).toEqual(["lease", "probe", "forward-tsn"]);
  expect(stepsOf(peer)).toEqual(["lease", "probe", "resynchronise"]);
  // Of B's view all six had arrived: it is P that says that they are lost.
  const [firstLost] = stage.sentByA.messages[4]?.tsns ?? [];
  expect(stage.reports("inbound").map(({ firstTsn }) => firstTsn)).toContain(firstLost);
});

it("duplicates do not show that a peer has nothing more: it may be asking itself what we have", () => {
  const stage = opened();
  talk(stage, "peer", 4);
  const known = stage.turns.length;
  talk(stage, "peer", 6);
  stage.takeOver(stage.turns.length - known, 0);
  const { peer, world } = stage;
  const { agreement, send } = stage.stateOf(peer);
  const probe = {
    type: "DATA",
    tsn: tsnAdd(send.cumulativeAck, -65_536),
    streamId: 0,
    ssn: ssn(0),
    ppid: 0,
    unordered: true,
    beginning: true,
    ending: true,
    immediate: true,
    payload: Uint8Array.of(0),
  } as const;
  for (let at = 0; at < 6; at++) {
    const bytes = writePacket({
      sourcePort: 7000,
      destinationPort: 7000,
      verificationTag: agreement.peerTag,
      chunks: [probe],
    });
    world.network.send({ from: "192.0.2.20", to: "192.0.2.12", bytes }, world.nowMs);
    world.run(250);
  }
  const name = stage.send(peer);
  world.run(3000);
  const lost = stage.sentByPeer.messages.slice(4, 10).map(({ tsns }) => tsns);
  expect(lost.map((tsns) => stage.isReported("inbound", tsns))).toEqual(lost.map(() => true));
  expect(stage.toCluster().at(-1)).toBe(name);
});
