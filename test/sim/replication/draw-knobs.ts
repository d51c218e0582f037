import type { Load } from "../../../agents/application/index.ts";
import type { ProtocolParameters } from "../../../agents/sctp/index.ts";
import { rfc9260Parameters } from "../../../agents/sctp/index.ts";
import { Dice } from "../sctp/dice.ts";
import type { LinkKnobs } from "../sctp/knobs.ts";
import { drawCrashes, drawHappenings, drawPauses, inOrder } from "./draw-happenings.ts";
import { drawExtensions } from "./draw-extensions.ts";
import { drawPolicyChanges } from "./draw-policy-changes.ts";
import type { ClockKnobs, Knobs } from "./knobs.ts";
import { anyPolicy, commitsAlways, drawKeeper, drawPolicy, keeperOf } from "./policies.ts";

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

/** What the seed decides, for a policy in its text form, or for `any`; `policies.ts` says what there is. */
export function drawKnobs(seed: number, wanted: string): Knobs {
  const isAny = wanted === anyPolicy;
  const policy = isAny ? drawPolicy(new Dice(seed, "policy")) : wanted;
  const keeper = isAny ? drawKeeper(new Dice(seed, "keeper")) : keeperOf(policy);
  const knobs = drawFor(seed, policy, keeper);
  const changes = isAny ? drawPolicyChanges(new Dice(seed, "policy changes"), knobs.activeMs) : [];
  const happenings = inOrder([...knobs.happenings, ...changes]);
  const extensionDice = new Dice(seed, "extensions");
  const extensions = drawExtensions(extensionDice, commitsAlways({ policy, happenings }));
  const acceptsAssociationReset = extensionDice.chance(0.8);
  return {
    ...knobs,
    happenings,
    parameters: { ...knobs.parameters, extensions, acceptsAssociationReset },
  };
}

function drawFor(seed: number, policy: string, keeper: Knobs["keeper"]): Knobs {
  const dice = new Dice(seed, "replication");
  const activeMs = dice.pick([300, 800, 1500]);
  const takeoverAfterMs = dice.pick([120, 200]);
  const peerAddresses = dice.chance(0.3) ? ["198.51.100.21", "198.51.100.22"] : ["198.51.100.21"];
  return {
    seed,
    policy: policy.replace(/^witness /, ""),
    fencing: dice.pick(["prefer-availability", "prefer-availability", "keep-primary"]),
    keeper,
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
    happenings: drawHappenings(dice, {
      activeMs,
      takeoverAfterMs,
      peerAddresses,
      hasKeeper: keeper !== undefined,
    }),
    crashes: drawCrashes(dice, activeMs, keeper !== undefined),
    pauses: drawPauses(new Dice(seed, "pauses"), activeMs, takeoverAfterMs),
  };
}

const compact = (value: unknown): string => JSON.stringify(value).replaceAll('"', "");

/** The knobs for somebody who looks into a failure: parameters only where they differ from the defaults. */
export function describeKnobs(knobs: Knobs): string {
  const { parameters, happenings, crashes, pauses, ...rest } = knobs;
  const changed = Object.entries(parameters).filter(
    ([name, value]) => rfc9260Parameters[name as keyof ProtocolParameters] !== value,
  );
  return [
    compact(rest),
    compact(Object.fromEntries(changed)),
    ...crashes.map((plan) => `crash ${compact(plan)}`),
    ...pauses.map((plan) => `pause ${compact(plan)}`),
    ...happenings.map(({ atMs, what }) => `${atMs.toFixed(3).padStart(10)} ${compact(what)}`),
  ].join("\n");
}
