import type { Dice } from "../sctp/dice.ts";
import { killPoints } from "./kill-points.ts";
import type {
  CrashPlan,
  Death,
  Happening,
  MachineName,
  PairName,
  PausePlan,
  TimedHappening,
} from "./knobs.ts";
import { memberNames } from "./knobs.ts";
import { clusterAddresses } from "./stage.ts";

interface LinkChoice {
  readonly pair: PairName;
  readonly ends: readonly MachineName[];
}

const partnerLink: LinkChoice = { pair: "ab", ends: ["a", "b"] };
const allLinks: readonly LinkChoice[] = [
  partnerLink,
  { pair: "ak", ends: ["a", "k"] },
  { pair: "bk", ends: ["b", "k"] },
];

const drawDeath = (dice: Dice): Death => dice.pick(["kill", "power"]);
const drawRestart = (dice: Dice): number | undefined => dice.pick([undefined, 20, 100, 300, 600]);

const victims: readonly CrashPlan["victim"][] = ["here", "here", "here", "other"];
const victimsWithKeeper: readonly CrashPlan["victim"][] = ["here", "here", "here", "here", "other", "keeper"];

export function drawCrashes(dice: Dice, activeMs: number, hasKeeper: boolean): CrashPlan[] {
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
      victim: dice.pick(hasKeeper ? victimsWithKeeper : victims),
      death: drawDeath(dice),
      restartAfterMs: drawRestart(dice),
    };
  });
  return plans.sort((one, other) => one.afterMs - other.afterMs);
}

export function drawPauses(dice: Dice, activeMs: number, takeoverAfterMs: number): PausePlan[] {
  const count = dice.pick([0, 0, 1, 2]);
  const plans = Array.from({ length: count }, (): PausePlan => {
    const forMs = takeoverAfterMs * dice.pick([0.05, 0.3, 1.1, 2, 4]);
    return { afterMs: dice.real(0, activeMs), skip: dice.int(0, 5), forMs };
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

/** What a run is, as far as its happenings must know. */
interface Frame {
  readonly activeMs: number;
  readonly takeoverAfterMs: number;
  readonly peerAddresses: readonly string[];
  readonly hasKeeper: boolean;
}

export function drawHappenings(dice: Dice, frame: Frame): TimedHappening[] {
  const { activeMs, takeoverAfterMs, peerAddresses, hasKeeper } = frame;
  const found: TimedHappening[] = [];
  const times = (probability: number, most: number, make: () => Happening): void => {
    for (let count = dice.chance(probability) ? dice.int(1, most) : 0; count > 0; count--)
      found.push({ atMs: dice.real(0, activeMs), what: make() });
  };
  const machine = (): MachineName => (hasKeeper && dice.chance(0.25) ? "k" : dice.pick(memberNames));
  const link = (): LinkChoice => dice.pick(hasKeeper ? allLinks : [partnerLink]);
  const long = (): number =>
    dice.pick([5, 40, 150, takeoverAfterMs * 0.9, takeoverAfterMs * 1.5, takeoverAfterMs * 4]);
  times(0.2, 1, () => {
    return { kind: "die", machine: machine(), death: drawDeath(dice), restartAfterMs: drawRestart(dice) };
  });
  times(0.3, 2, () => {
    const order = { timersFirst: dice.chance(0.5), batch: dice.chance(0.5) };
    return { kind: "freeze", machine: machine(), forMs: long(), ...order };
  });
  times(0.1, 2, () => ({ kind: "clock-jump", machine: machine(), byMs: dice.pick([5, 60, 300]) }));
  const share = hasKeeper ? 0.35 : 0.2;
  times(share, 3, () => {
    const { pair, ends } = link();
    return { kind: "link-cut", pair, to: dice.pick([...ends, "both", "both"]), forMs: long() };
  });
  times(share, 3, () => {
    const { pair, ends } = link();
    return { kind: "give-up", pair, machine: dice.pick(ends) };
  });
  times(0.3, 3, () => {
    const { pair, ends } = link();
    return { kind: "link-stall", pair, to: dice.pick(ends), forMs: long() };
  });
  times(0.4, 3, () => ({ kind: "handover" }));
  times(0.1, 2, () => ({ kind: "synchronise" }));
  times(0.1, 1, () => ({ kind: "announce" }));
  times(0.12, 1, () => ({ kind: "shutdown", by: dice.pick(["peer", "cluster"]) }));
  if (dice.chance(0.3)) found.push(...drawClog(dice, peerAddresses, activeMs));
  return inOrder(found);
}

export const inOrder = (happenings: readonly TimedHappening[]): TimedHappening[] =>
  [...happenings].sort((one, other) => one.atMs - other.atMs);
