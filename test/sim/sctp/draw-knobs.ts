import type { ProtocolParameters } from "../../../agents/sctp/index.ts";
import { noExtensions, rfc9260Parameters, telecomParameters } from "../../../agents/sctp/index.ts";
import { Dice } from "./dice.ts";
import { withExtensions } from "./extension-knobs.ts";
import type { Happening, Knobs, LinkKnobs, Side, SideKnobs, TimedHappening } from "./knobs.ts";
import { sides } from "./knobs.ts";

/** RFC 8260 section 3. */
const schedulerNames: readonly ProtocolParameters["scheduler"][] = [
  "first-come-first-served",
  "first-come-first-served",
  "round-robin",
  "round-robin-per-packet",
  "priority",
  "fair-bandwidth",
  "weighted-fair-queueing",
];

/** Timers so short that a run of seconds holds many of them. */
const shortTimers: Partial<ProtocolParameters> = {
  rtoInitialMs: 120,
  rtoMinMs: 40,
  rtoMaxMs: 600,
  heartbeatIntervalMs: 400,
  sackDelayMs: 12,
};

const addressesOf = (side: Side, count: number): string[] =>
  Array.from({ length: count }, (_, index) =>
    side === "a" ? `192.0.2.${11 + index}` : `198.51.100.${21 + index}`,
  );

function drawLink(dice: Dice): LinkKnobs {
  const lossy = dice.chance(0.8);
  const enterBad = lossy ? dice.pick([0, 0.002, 0.01, 0.05]) : 0;
  const limited = dice.chance(0.25);
  return {
    latencyMs: dice.pick([0.1, 1, 5, 20]),
    jitterMs: dice.pick([0, 0, 0.5, 5, 30]),
    loss: {
      enterBad,
      leaveBad: dice.pick([0.1, 0.3, 0.7]),
      lossGood: lossy ? dice.pick([0, 0, 0.01, 0.05, 0.15]) : 0,
      lossBad: dice.pick([0.5, 0.9, 1]),
    },
    duplication: dice.chance(0.4) ? dice.pick([0.01, 0.1, 0.3]) : 0,
    corruption: dice.chance(0.4) ? dice.pick([0.01, 0.05]) : 0,
    reordering: dice.chance(0.4) ? dice.pick([0.01, 0.1, 0.3]) : 0,
    reorderingMs: dice.pick([1, 10, 60]),
    bandwidthBytesPerMs: limited ? dice.pick([125, 1250, 12_500]) : 0,
    queueBytes: dice.pick([20_000, 60_000, 200_000]),
    reportsTooBig: dice.chance(0.5),
  };
}

function drawSide(dice: Dice, side: Side, shared: Partial<ProtocolParameters>, connects: boolean): SideKnobs {
  const packetSizeBytes = dice.pick([1472, 1472, 1452, 576, 9000]);
  const receiveBufferBytes = dice.pick([4096, 16_384, 65_536, 524_288]);
  const sendBufferBytes = dice.pick([8192, 65_536, 524_288]);
  const pathMtuDiscovery = dice.chance(0.3);
  const interleaving = dice.chance(0.4);
  const parameters: ProtocolParameters = {
    ...rfc9260Parameters,
    ...shared,
    packetSizeBytes,
    pathMtuDiscovery,
    largestPacketBytes: pathMtuDiscovery ? dice.pick([1472, 9000]) : packetSizeBytes,
    noDelay: dice.chance(0.8),
    scheduler: dice.pick(schedulerNames),
    heartbeatEnabled: dice.chance(0.9),
    receiveBufferBytes,
    extensions: {
      ...noExtensions,
      partialReliability: dice.chance(0.5),
      interleaving,
      ecn: dice.chance(0.3),
    },
    // Messages of many streams that come at the same time fit a small buffer in parts only.
    fragmentInterleave: interleaving ? 2 : dice.pick([0, 1, 1, 2]),
    partialDeliveryPointBytes: interleaving
      ? dice.pick([1, 1000])
      : dice.pick([524_288, 524_288, 1, 1000, 4096]),
    sendBufferBytes,
    sackFrequency: dice.pick([1, 2, 2, 2, 4]),
    outboundStreams: dice.pick([1, 2, 10, 64]),
    maxInboundStreams: dice.pick([1, 2, 64, 64]),
    potentiallyFailedMaxRetrans: dice.pick([0, 0, 2]),
    pathMaxRetrans: dice.pick([1, 2, 5]),
  };
  return {
    addresses: addressesOf(side, dice.pick([1, 1, 1, 2, 2, 3])),
    parameters,
    largestMessageBytes: Math.min(dice.pick([1, 100, 1500, 4000, 12_000, 60_000]), sendBufferBytes),
    unorderedShare: dice.pick([0, 0, 0.3, 1]),
    unreliableShare: dice.pick([0, 0, 0.3, 1]),
    connects,
    readsEveryMs: dice.pick([0, 0, 0, 1, 20, 150]),
    standbyAddresses: [],
  };
}

/** A receive buffer holds two of the packets that the other side sends. */
function withRoomFor(
  side: SideKnobs,
  { parameters: { packetSizeBytes, largestPacketBytes } }: SideKnobs,
): SideKnobs {
  const least = 2 * Math.max(packetSizeBytes, largestPacketBytes);
  const receiveBufferBytes = Math.max(side.parameters.receiveBufferBytes, least);
  return { ...side, parameters: { ...side.parameters, receiveBufferBytes } };
}

/** Cuts and heals of an address, a pair or a direction; what is cut is healed at the end of the active time at the latest. */
function drawCuts(dice: Dice, a: SideKnobs, b: SideKnobs, activeMs: number): TimedHappening[] {
  const found: TimedHappening[] = [];
  for (let count = dice.chance(0.5) ? dice.int(1, 4) : 0; count > 0; count--) {
    const [one, other] = dice.chance(0.5) ? [a, b] : [b, a];
    const from = dice.chance(0.85) ? dice.pick(one.addresses) : undefined;
    const to = dice.chance(0.6) ? dice.pick(other.addresses) : undefined;
    const atMs = dice.real(0, activeMs);
    const healMs = Math.min(activeMs, atMs + dice.pick([5, 50, 300, 1500]));
    found.push({ atMs, what: { kind: "cut", from, to } }, { atMs: healMs, what: { kind: "heal", from, to } });
    if (dice.chance(0.4)) {
      found.push({ atMs, what: { kind: "cut", from: to, to: from } });
      found.push({ atMs: healMs, what: { kind: "heal", from: to, to: from } });
    }
  }
  return found;
}

function drawHappenings(dice: Dice, a: SideKnobs, b: SideKnobs, activeMs: number): TimedHappening[] {
  const found = drawCuts(dice, a, b, activeMs);
  const times = (probability: number, most: number, make: (side: Side) => Happening): void => {
    for (let count = dice.chance(probability) ? dice.int(1, most) : 0; count > 0; count--) {
      found.push({ atMs: dice.real(0, activeMs), what: make(dice.pick(sides)) });
    }
  };
  times(0.15, 3, () => ({ kind: "mtu", bytes: dice.pick([1500, 1400, 1280, 600]) }));
  times(0.15, 2, (side) => ({ kind: "clock-jump", side, byMs: dice.pick([10, 500, 5000, 90_000]) }));
  times(0.3, 6, (side) => ({ kind: "restore", side }));
  times(0.08, 2, (side) => ({ kind: "restart", side }));
  times(0.04, 1, (side) => ({ kind: "abort", side }));
  times(0.2, 2, (side) => ({ kind: "shutdown", side }));
  for (const side of sides) {
    const bursts = dice.int(0, 6);
    for (let burst = 0; burst < bursts; burst++) {
      const count = dice.pick([1, 1, 2, 5, 20]);
      found.push({ atMs: dice.real(0, activeMs * 0.9), what: { kind: "send", side, count } });
    }
  }
  return found.sort((one, other) => one.atMs - other.atMs);
}

export function drawKnobs(seed: number): Knobs {
  const dice = new Dice(seed, "knobs");
  const timers = dice.pick(["short", "short", "short", "telecom", "rfc9260"] as const);
  const patient = dice.chance(0.85);
  const shared: Partial<ProtocolParameters> = {
    ...(timers === "short" ? shortTimers : timers === "telecom" ? telecomParameters : {}),
    ...(patient ? { associationMaxRetrans: 100_000 } : { associationMaxRetrans: 6 }),
    maxBurst: dice.pick([4, 4, 4, 2, 8]),
  };
  const both = dice.chance(0.1);
  const aConnects = both || dice.chance(0.5);
  const drawnA = drawSide(dice, "a", shared, aConnects);
  const drawnB = drawSide(dice, "b", shared, both || !aConnects);
  const a = withRoomFor(drawnA, drawnB);
  const b = withRoomFor(drawnB, drawnA);
  const activeMs = dice.pick([100, 400, 1000, 3000]);
  return withExtensions({
    seed,
    link: drawLink(dice),
    a,
    b,
    timers,
    tsnNearWrap: dice.chance(0.4),
    ssnNearWrap: dice.chance(0.15),
    patient,
    activeMs,
    happenings: drawHappenings(dice, a, b, activeMs),
    ending: dice.pick(["shutdown-a", "shutdown-b", "shutdown-both", "abort", "none"]),
    markedShare: 0,
    forgedShare: 0,
  });
}

const compact = (value: unknown): string => JSON.stringify(value).replaceAll('"', "");

/** The knobs for somebody who looks into a failure: one line a group; parameters only where they differ from the defaults. */
export function describeKnobs(knobs: Knobs): string {
  const sideText = (side: Side): string => {
    const { parameters, ...rest } = knobs[side];
    const changed = Object.entries(parameters).filter(
      ([name, value]) => rfc9260Parameters[name as keyof ProtocolParameters] !== value,
    );
    return `${side}: ${compact(rest)} ${compact(Object.fromEntries(changed))}`;
  };
  const { link, a: _a, b: _b, happenings, ...rest } = knobs;
  return [
    compact(rest),
    `link: ${compact(link)}`,
    sideText("a"),
    sideText("b"),
    ...happenings.map(({ atMs, what }) => `${atMs.toFixed(3).padStart(10)} ${compact(what)}`),
  ].join("\n");
}
