import type { Keeper, KeeperOptions, Member, MemberOptions } from "../../../agents/replica/index.ts";
import type { Endpoint } from "../../../agents/sctp/index.ts";
import {
  DeliveryMarkForgotten,
  EpochNotChecked,
  GateOpenedTooEarly,
  GrantsWhilePrimaryBeats,
  HandoverWithoutProof,
  IntervalTooLong,
  LeaseOffByOne,
  OlderStateTakenForLast,
  ProbeSkipped,
  RelayWithoutEpoch,
  SackBeforeCommit,
} from "./faulty-systems.ts";
import type { Knobs } from "./knobs.ts";
import type { Makers } from "./stage.ts";
import { realMakers } from "./stage.ts";

/** The checker has to find each system with a fault; otherwise its silence about the real one means nothing. */
export interface Mutant {
  readonly name: string;
  readonly makers: Makers;
  /** That of the runs; undefined: every-update. */
  readonly policy?: string;
  /** Where the fault shows in rare runs only: makes every run such a one. */
  readonly focus?: (knobs: Knobs) => Knobs;
  /** Seeds, from 1 on, within which it is found. */
  readonly withinSeeds: number;
  /** Properties of which one is named when it is found. */
  readonly properties: readonly string[];
}

const withEndpoint = (Made: new (...args: ConstructorParameters<typeof Endpoint>) => Endpoint): Makers => ({
  ...realMakers,
  endpoint: (config, random) => new Made(config, random),
});
const withMember = (Made: new (options: MemberOptions, nowMs: number) => Member): Makers => ({
  ...realMakers,
  member: (options, nowMs) => new Made(options, nowMs),
});
const withKeeper = (Made: new (options: KeeperOptions) => Keeper): Makers => ({
  ...realMakers,
  keeper: (options) => new Made(options),
});

/** The primary stands still for so long that the standby takes over, and goes on. */
function zombie(knobs: Knobs): Knobs {
  const frozen = {
    machine: "a",
    forMs: 3 * knobs.takeoverAfterMs,
    timersFirst: false,
    batch: false,
  } as const;
  const happenings = [{ atMs: 200, what: { kind: "freeze", ...frozen } as const }];
  return { ...knobs, fencing: "prefer-availability", activeMs: 1500, crashes: [], happenings };
}

/** Who is handed the associations reads that only when the former primary has long taken them back. */
function lateArrival(knobs: Knobs): Knobs {
  const order = { timersFirst: false, batch: false };
  const frozen = { kind: "freeze", machine: "b", forMs: 6 * knobs.takeoverAfterMs, ...order } as const;
  const happenings = [
    { atMs: 200, what: { kind: "handover" } as const },
    // What waited is held, and the word of the handover is on the link.
    { atMs: 225, what: frozen },
  ];
  const link = { ...knobs.link, latencyMs: 10, jitterMs: 0 };
  return { ...knobs, link, fencing: "prefer-availability", activeMs: 1500, crashes: [], happenings };
}

/** So much is sent that the primary has used its lease up before the holder knows of the next one. */
function leaseUsedUp(knobs: Knobs): Knobs {
  const { network, link, parameters } = knobs;
  const calm = { enterBad: 0, leaveBad: 1, lossGood: 0, lossBad: 0 };
  return {
    ...knobs,
    network: { ...network, latencyMs: 0.1, jitterMs: 0, loss: calm, corruption: 0, reordering: 0 },
    link: { ...link, latencyMs: 20, jitterMs: 0 },
    leaseMs: 0.7 * knobs.takeoverAfterMs,
    parameters: {
      ...parameters,
      packetSizeBytes: 576,
      sendBufferBytes: 524_288,
      receiveBufferBytes: 524_288,
    },
    down: { ratePerSecond: 1000, sizeBytes: 9000, streams: 1 },
    activeMs: 300,
    crashes: [],
    happenings: [],
  };
}

/** The members do not hear each other, and both hear the keeper, which holds the states. */
function partnersCut(knobs: Knobs): Knobs {
  const cut = { kind: "link-cut", pair: "ab", to: "both", forMs: 4 * knobs.takeoverAfterMs } as const;
  const down = { ratePerSecond: 300, sizeBytes: 100, streams: 1 };
  return { ...knobs, down, activeMs: 1500, crashes: [], happenings: [{ atMs: 200, what: cut }] };
}

export const mutants: readonly Mutant[] = [
  {
    name: "SACK before commit",
    makers: withEndpoint(SackBeforeCommit),
    withinSeeds: 200,
    properties: ["the cumulative TSN never goes back", "liveness"],
  },
  {
    name: "delivery mark forgotten",
    makers: withEndpoint(DeliveryMarkForgotten),
    withinSeeds: 60,
    properties: ["nothing is delivered twice", "an update delivers one message"],
  },
  {
    name: "epoch not checked",
    makers: withMember(EpochNotChecked),
    focus: zombie,
    withinSeeds: 30,
    properties: ["nothing of a fenced epoch is sent"],
  },
  {
    name: "relay without epoch",
    makers: withMember(RelayWithoutEpoch),
    withinSeeds: 400,
    properties: ["nothing of a fenced epoch is sent"],
  },
  {
    name: "gate opened too early",
    makers: withMember(GateOpenedTooEarly),
    withinSeeds: 60,
    properties: ["what is released was acknowledged before"],
  },
  {
    name: "handover without proof",
    makers: withMember(HandoverWithoutProof),
    policy: "witness every-update",
    focus: lateArrival,
    withinSeeds: 40,
    properties: [
      "nothing of a fenced epoch is sent",
      "every primary has an epoch of its own, later than all before",
    ],
  },
  {
    name: "lease off by one",
    makers: withMember(LeaseOffByOne),
    policy: "interval:100ms",
    focus: leaseUsedUp,
    withinSeeds: 10,
    properties: ["a TSN is used within its lease", "no TSN carries two payloads"],
  },
  {
    name: "interval too long",
    makers: withMember(IntervalTooLong),
    policy: "interval:20ms",
    withinSeeds: 30,
    properties: ["what is older than the interval is held"],
  },
  {
    name: "probe skipped",
    makers: withEndpoint(ProbeSkipped),
    policy: "interval:100ms",
    withinSeeds: 60,
    properties: ["liveness"],
  },
  {
    name: "older state taken for the last one",
    makers: withEndpoint(OlderStateTakenForLast),
    policy: "interval:100ms",
    withinSeeds: 60,
    properties: ["who goes on from an older state asks first"],
  },
  {
    name: "keeper grants while the primary beats",
    makers: withKeeper(GrantsWhilePrimaryBeats),
    policy: "shared",
    focus: partnersCut,
    withinSeeds: 40,
    properties: ["nothing of a fenced epoch is sent"],
  },
];
