import type { Load } from "../../../agents/application/index.ts";
import type { ProtocolParameters } from "../../../agents/sctp/index.ts";
import { rfc9260Parameters } from "../../../agents/sctp/index.ts";
import { Dice } from "../sctp/dice.ts";
import type { LinkKnobs } from "../sctp/knobs.ts";
import { killPoints } from "./kill-points.ts";
import type { ClockKnobs, CrashPlan, Death, Happening, Knobs, TimedHappening } from "./knobs.ts";
import { memberNames } from "./knobs.ts";
import { clusterAddresses } from "./stage.ts";

/** Timers so short that a run of a second holds many of them; nobody gives the association up. */
const shortTimers: Partial<ProtocolParameters> = {
  rtoInitialMs: 100,
  rtoMinMs: 40,
  rtoMaxMs: 400,
  heartbeatIntervalMs: 300,
  sackDelayMs: 12,
  associationMaxRetrans: 100_000,
  maxInitRetransmits: 100_000,
};

function drawNetwork(dice: Dice): LinkKnobs {
  const isLossy = dice.chance(0.6);
  return {
    latencyMs: dice.pick([0.1, 0.5, 2, 10]),
    jitterMs: dice.pick([0, 0, 0.5, 5]),
    loss: {
      enterBad: isLossy ? dice.pick([0, 0.01, 0.05]) : 0,
      leaveBad: dice.pick([0.1, 0.3, 0.7]),
      lossGood: isLossy ? dice.pick([0, 0.01, 0.05, 0.15]) : 0,
      lossBad: dice.pick([0.5, 1]),
    },
    duplication: dice.chance(0.3) ? dice.pick([0.02, 0.2]) : 0,
    corruption: dice.chance(0.3) ? dice.pick([0.01, 0.05]) : 0,
    reordering: dice.chance(0.3) ? dice.pick([0.05, 0.3]) : 0,
    reorderingMs: dice.pick([1, 10, 60]),
    bandwidthBytesPerMs: 0,
    queueBytes: 0,
    reportsTooBig: false,
  };
}

function drawLoad(dice: Dice): Load {
  return {
    ratePerSecond: dice.pick([20, 50, 100, 300]),
    sizeBytes: dice.pick([30, 100, 100, 700, 3000, 9000]),
    streams: dice.pick([1, 2, 4]),
  };
}

function drawClock(dice: Dice): ClockKnobs {
  return { aheadMs: dice.pick([0, 0, 3, 40]), rate: dice.pick([1, 1, 0.99, 1.01]) };
}

function drawParameters(dice: Dice): ProtocolParameters {
  return {
    ...rfc9260Parameters,
    ...shortTimers,
    packetSizeBytes: dice.pick([1452, 1452, 576]),
    receiveBufferBytes: dice.pick([16_384, 65_536, 524_288]),
    sendBufferBytes: dice.pick([16_384, 65_536, 524_288]),
    noDelay: dice.chance(0.8),
    pathMaxRetrans: dice.pick([0, 1, 5]),
    sackFrequency: dice.pick([1, 2, 2]),
  };
}

const drawDeath = (dice: Dice): Death => dice.pick(["kill", "power"]);
const drawRestart = (dice: Dice): number | undefined => dice.pick([undefined, 20, 100, 300, 600]);

function drawCrashes(dice: Dice, activeMs: number): CrashPlan[] {
  const count = dice.pick([0, 1, 1, 1, 2, 3]);
  const plans = Array.from({ length: count }, (): CrashPlan => {
    const point = dice.pick(killPoints);
    const isRare = [
      "claim-sent",
      "claimed-read",
      "handover-sent",
      "handover-read",
      "proved",
      "synced-sent",
    ].includes(point);
    return {
      afterMs: dice.real(0, activeMs * (isRare ? 0.2 : 0.9)),
      point,
      skip: isRare ? 0 : dice.pick([0, 0, 1, 2, 5]),
      victim: dice.chance(0.75) ? "here" : "other",
      death: drawDeath(dice),
      restartAfterMs: drawRestart(dice),
    };
  });
  return plans.sort((one, other) => one.afterMs - other.afterMs);
}

/** One address after the other goes silent, in one direction or both, and comes back in another order. */
function drawClog(dice: Dice, peerAddresses: readonly string[], activeMs: number): TimedHappening[] {
  const atMs = dice.real(0, activeMs);
  const spreadMs = dice.pick([20, 100, 400]);
  const found: TimedHappening[] = [];
  for (const address of [...clusterAddresses, ...peerAddresses]) {
    if (dice.chance(0.4)) continue;
    const way = dice.pick(["from", "to", "both"]);
    const ways: [string | undefined, string | undefined][] = [];
    if (way !== "to") ways.push([address, undefined]);
    if (way !== "from") ways.push([undefined, address]);
    const cutMs = atMs + dice.real(0, spreadMs);
    const healMs = Math.min(activeMs, cutMs + spreadMs + dice.real(0, spreadMs));
    for (const [from, to] of ways) {
      found.push({ atMs: cutMs, what: { kind: "cut", from, to } });
      found.push({ atMs: Math.max(cutMs, healMs), what: { kind: "heal", from, to } });
    }
  }
  return found;
}

function drawHappenings(
  dice: Dice,
  knobs: { activeMs: number; takeoverAfterMs: number; peerAddresses: readonly string[] },
): TimedHappening[] {
  const { activeMs, takeoverAfterMs, peerAddresses } = knobs;
  const found: TimedHappening[] = [];
  const times = (probability: number, most: number, make: () => Happening): void => {
    for (let count = dice.chance(probability) ? dice.int(1, most) : 0; count > 0; count--)
      found.push({ atMs: dice.real(0, activeMs), what: make() });
  };
  const long = (): number =>
    dice.pick([5, 40, 150, takeoverAfterMs * 0.9, takeoverAfterMs * 1.5, takeoverAfterMs * 4]);
  times(0.2, 1, () => ({
    kind: "die",
    machine: dice.pick(memberNames),
    death: drawDeath(dice),
    restartAfterMs: drawRestart(dice),
  }));
  times(0.3, 2, () => ({
    kind: "freeze",
    machine: dice.pick(memberNames),
    forMs: long(),
    timersFirst: dice.chance(0.5),
    batch: dice.chance(0.5),
  }));
  times(0.1, 2, () => ({
    kind: "clock-jump",
    machine: dice.pick(memberNames),
    byMs: dice.pick([5, 60, 300]),
  }));
  times(0.2, 2, () => ({
    kind: "link-cut",
    pair: "ab",
    to: dice.pick(["a", "b", "both", "both"]),
    forMs: long(),
  }));
  times(0.2, 3, () => ({ kind: "give-up", pair: "ab", machine: dice.pick(memberNames) }));
  times(0.3, 2, () => ({ kind: "link-stall", pair: "ab", to: dice.pick(memberNames), forMs: long() }));
  times(0.4, 3, () => ({ kind: "handover" }));
  times(0.1, 2, () => ({ kind: "synchronise" }));
  times(0.1, 1, () => ({ kind: "announce" }));
  times(0.12, 1, () => ({ kind: "shutdown", by: dice.pick(["peer", "cluster"]) }));
  if (dice.chance(0.3)) found.push(...drawClog(dice, peerAddresses, activeMs));
  return found.sort((one, other) => one.atMs - other.atMs);
}

/** What the seed decides, for a policy in its text form. */
export function drawKnobs(seed: number, policy: string): Knobs {
  const dice = new Dice(seed, "replication");
  const activeMs = dice.pick([300, 800, 1500]);
  const takeoverAfterMs = dice.pick([120, 200]);
  const peerAddresses = dice.chance(0.3) ? ["198.51.100.21", "198.51.100.22"] : ["198.51.100.21"];
  return {
    seed,
    policy,
    fencing: dice.pick(["prefer-availability", "prefer-availability", "keep-primary"]),
    keeper: undefined,
    network: drawNetwork(dice),
    link: {
      latencyMs: dice.pick([0.05, 0.5, 3]),
      jitterMs: dice.pick([0, 0.2, 3]),
      reconnectMs: dice.pick([5, 50]),
      silentAfterMs: takeoverAfterMs * dice.pick([2, 4]),
    },
    beatIntervalMs: dice.pick([10, 20]),
    leaseMs: takeoverAfterMs * dice.pick([0.5, 0.7]),
    takeoverAfterMs,
    parameters: drawParameters(dice),
    peerAddresses,
    up: drawLoad(dice),
    down: drawLoad(dice),
    clocks: { a: drawClock(dice), b: drawClock(dice), k: drawClock(dice) },
    tsnNearWrap: dice.chance(0.3),
    ssnNearWrap: dice.chance(0.1),
    loadAtMs: dice.pick([0, 20, 100]),
    activeMs,
    happenings: drawHappenings(dice, { activeMs, takeoverAfterMs, peerAddresses }),
    crashes: drawCrashes(dice, activeMs),
  };
}

const compact = (value: unknown): string => JSON.stringify(value).replaceAll('"', "");

/** The knobs for somebody who looks into a failure: parameters only where they differ from the defaults. */
export function describeKnobs(knobs: Knobs): string {
  const { parameters, happenings, crashes, ...rest } = knobs;
  const changed = Object.entries(parameters).filter(
    ([name, value]) => rfc9260Parameters[name as keyof ProtocolParameters] !== value,
  );
  return [
    compact(rest),
    compact(Object.fromEntries(changed)),
    ...crashes.map((plan) => `crash ${compact(plan)}`),
    ...happenings.map(({ atMs, what }) => `${atMs.toFixed(3).padStart(10)} ${compact(what)}`),
  ].join("\n");
}
