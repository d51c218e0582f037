import { describe, expect, it } from "vitest";
import { schedulerNames } from "../../../agents/sctp/index.ts";
import { seededRandom, tsn } from "../../../agents/sctp/index.ts";
import { hasReceived } from "../../../agents/sctp/rx/receive-state.ts";
import type { Node } from "../../sim/endpoints.ts";
import { quietNetwork } from "../../sim/network.ts";
import { parsePacket } from "../../../agents/sctp/wire/index.ts";
import { StaleTakeover, nameOf } from "./stale-takeover.ts";

/** More seeds by RECOVERY_SEEDS, others by RECOVERY_FROM. */
const seedCount = Number(process.env["RECOVERY_SEEDS"] ?? 150);
const firstSeed = Number(process.env["RECOVERY_FROM"] ?? 1);

function burst(stage: StaleTakeover, node: Node, most: number): void {
  for (let left = stage.dice(most); left > 0; left--) {
    const size = stage.dice(6) === 0 ? 20 + stage.dice(9000) : 20 + stage.dice(600);
    stage.send(node, { streamId: stage.dice(4), unordered: stage.dice(4) === 0, size });
  }
}

let playing: StaleTakeover | undefined;

function play(seed: number): StaleTakeover {
  const dice = seededRandom(seed * 31 + 11);
  const chance = (outOf: number): boolean => dice.uint32() % outOf === 0;
  const rough = {
    latencyMs: 2,
    jitterMs: dice.uint32() % 30,
    loss: chance(3) ? 0 : (dice.uint32() % 10) / 100,
    duplication: (dice.uint32() % 5) / 100,
    corruption: 0,
  };
  const interleaving = chance(3);
  const skips = chance(5) ? { streamReconfiguration: true } : { partialReliability: true };
  const stage = new StaleTakeover({
    seed,
    faults: chance(3) ? quietNetwork : rough,
    extensions: { ...skips, interleaving },
    scheduler: chance(2) ? "first-come-first-served" : schedulerNames[dice.uint32() % schedulerNames.length]!,
    nearWrap: chance(3),
    spareTsns: dice.uint32() % 80,
    parameters: {
      // With RTOs so short the peer would give up within seconds.
      associationMaxRetrans: 20,
      acceptsAssociationReset: true,
      outboundStreams: chance(8) ? 1000 : 8,
      ...(chance(3) ? { partialDeliveryPointBytes: 2000, fragmentInterleave: 2 as const } : {}),
    },
  });
  playing = stage;
  const rounds = 3 + (dice.uint32() % 30);
  for (let round = 0; round < rounds; round++) {
    if (!chance(4)) burst(stage, stage.a, 12);
    if (!chance(4)) burst(stage, stage.peer, 12);
    stage.world.run(dice.uint32() % 40);
  }
  const lag = chance(4) ? stage.turns.length : dice.uint32() % Math.max(1, stage.turns.length);
  const leaseLag = dice.uint32() % (Math.max(1, stage.turns.length) + 1);
  const b = stage.takeOver(lag, leaseLag);
  const [again, restored] = [dice.uint32() % 20, dice.uint32() % 20];
  for (let round = 0; round < 10; round++) {
    if (round === again) stage.takeOverAgain(b);
    if (round === restored) stage.restore(b);
    if (!chance(3)) burst(stage, b, 6);
    if (!chance(3)) burst(stage, stage.peer, 6);
    stage.world.run(dice.uint32() % 300);
  }
  // What is lost of an idle peer shows when it sends again.
  stage.send(stage.peer);
  const isDone = (): boolean => {
    const { outstanding, queuedMessages } = stage.stateOf(b).send;
    const other = stage.stateOf(stage.peer).send;
    return outstanding.length + queuedMessages + other.outstanding.length + other.queuedMessages === 0;
  };
  stage.world.run(60_000, isDone);
  expect(isDone(), `seed ${seed}: all is acknowledged`).toBe(true);
  stage.world.run(1000);
  return stage;
}

const numberOf = (name: string): number => Number(name.slice(name.indexOf("-") + 1));

function expectInOrder(names: readonly string[], what: string): void {
  const last = new Map<string, number>();
  const seen = new Set<string>();
  for (const name of names) {
    expect(seen.has(name), `${what}: ${name} twice`).toBe(false);
    seen.add(name);
    const flow = name.slice(1, name.indexOf("-"));
    if (flow.startsWith("u")) continue;
    expect(numberOf(name), `${what}: ${name} after ${last.get(flow)}`).toBeGreaterThan(last.get(flow) ?? -1);
    last.set(flow, numberOf(name));
  }
}

function judge(stage: StaleTakeover, seed: number): void {
  const what = `seed ${seed}`;
  for (const node of [stage.peer, stage.b]) {
    const bad = node?.events.filter((event) => !event.startsWith("comm-up"));
    expect(bad, what).toEqual([]);
  }
  expect(stage.folded, `${what}: the updates fold to the state`).toEqual(stage.stateOf(stage.b!));
  // To the peer.
  expectInOrder(stage.toPeer(), `${what}, to the peer`);
  const atPeer = new Set(stage.toPeer());
  const failed = new Map(
    stage.told.flatMap(({ node, notification }) =>
      node === stage.b && notification.type === "send-failed" && notification.reason === "takeover"
        ? [[nameOf(notification.payload), notification.tsn] as const]
        : [],
    ),
  );
  for (const { text, tsns, leftBytes } of stage.sentByA.messages) {
    if (atPeer.has(text)) continue;
    const slot = failed.get(text);
    const where = slot === undefined ? [...tsns] : [...tsns, slot];
    // Of a message that was begun the next fragment would have had the next TSN.
    if (tsns.length > 0 && leftBytes > 0) where.push(stage.nextTsnOfA);
    // Nobody knows of it any more, and nothing of it was ever sent.
    if (where.length === 0 && !stage.held.has(text)) continue;
    expect(stage.isReported("outbound", where), `${what}: ${text} with TSNs ${where.join()}`).toBe(true);
  }
  for (const text of stage.sentByB) expect(atPeer.has(text), `${what}: ${text} is there`).toBe(true);
  // From the peer.
  const atCluster = stage.toCluster();
  expectInOrder(atCluster, `${what}, to the cluster`);
  const there = new Set(atCluster);
  for (const { text, tsns } of stage.sentByPeer.messages) {
    if (there.has(text)) continue;
    // With losses another address may hide for a while that the peer has something lower to send.
    if (stage.world.network.faults.loss === 0)
      expect(
        tsns.some((each) => hasReceived(stage.receivedByA!, tsn(each))),
        `${what}: ${text} with TSNs ${tsns.join()} could have been had`,
      ).toBe(true);
    expect(stage.isReported("inbound", tsns), `${what}: ${text} with TSNs ${tsns.join()} from the peer`).toBe(
      true,
    );
  }
}

describe("a takeover from a stale state", () => {
  it.each(Array.from({ length: seedCount }, (_, at) => firstSeed + at))(
    "loses nothing unseen, seed %i",
    (seed) => {
      try {
        judge(play(seed), seed);
      } catch (error) {
        if (process.env["RECOVERY_TRACE"] !== undefined && playing !== undefined) trace(playing);
        throw error;
      }
    },
  );
});

function trace(stage: StaleTakeover): void {
  for (const { node, notification } of stage.told) {
    if (!["recovery-step", "loss-report", "send-failed"].includes(notification.type)) continue;
    const { payload, ...rest } = notification as { payload?: Uint8Array };
    console.log(
      node === stage.b ? "B" : node === stage.peer ? "P" : "A",
      rest,
      payload === undefined ? "" : nameOf(payload),
    );
  }
  let shown = 0;
  for (const { atMs, datagram } of stage.world.network.log) {
    if (atMs < stage.tookOverAtMs - 100 || shown++ > 600) continue;
    const parsed = parsePacket(datagram.bytes);
    if (!parsed.ok) continue;
    const brief = parsed.packet.chunks.map((chunk) => {
      const { payload, ...rest } = chunk as { payload?: Uint8Array };
      return JSON.stringify(rest) + (payload === undefined ? "" : nameOf(payload));
    });
    console.log(atMs.toFixed(1), datagram.from, "->", datagram.to, brief.join(" "));
  }
}
