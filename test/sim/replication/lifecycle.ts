import type { KeeperTurns } from "./keeper-turns.ts";
import type { CrashPlan, Death, MachineName, MemberName, PairName } from "./knobs.ts";
import { otherMember } from "./knobs.ts";
import type { Machine, MemberPort } from "./machine.ts";
import { pollMs } from "./policies.ts";
import type { Stage } from "./stage.ts";
import type { StreamLink } from "./stream-link.ts";
import type { Turns } from "./turns.ts";

interface TurnsOfAll {
  readonly members: Turns;
  readonly keeper: KeeperTurns;
}

/** A member that is dead now. */
interface Dead {
  readonly epoch: number;
  readonly wasPrimary: boolean;
  /** The other member will learn of its end at once. */
  readonly wasClean: boolean;
}

const machineNames: readonly MachineName[] = ["a", "b", "k"];

/** Processes begin, stand still and end; links are given up and made anew. */
export class Lifecycle {
  readonly #stage: Stage;
  #turns: TurnsOfAll | undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Turns and deaths need each other. */
  set turns(turns: TurnsOfAll) {
    this.#turns = turns;
  }

  carryOut(victim: MachineName, plan: CrashPlan): void {
    const stage = this.#stage;
    stage.count(`kill point ${plan.point}`);
    stage.trace.note(stage.nowMs, () => `kill point ${plan.point}: ${victim} dies (${plan.death})`);
    this.die(victim, plan.death, plan.restartAfterMs);
  }

  die(name: MachineName, death: Death, restartAfterMs: number | undefined): void {
    const stage = this.#stage;
    const machine = stage.machine(name);
    if (machine.process === undefined) return;
    const wasClean = death === "kill" && name !== "k" && this.#isHeard(name);
    const role = name === "k" ? "keeper" : (stage.members[name].process?.role ?? "");
    const epoch = name === "k" ? 0 : Math.max(stage.members[name].process?.epoch ?? 0, this.#grantedTo(name));
    const wasPrimary = role === "primary";
    stage.note({ kind: "died", atMs: stage.nowMs, ...stage.nameOf(name) });
    stage.count(`death ${death} of ${role}`);
    if (name !== "k" && role === "primary") stage.count(`primary dies in ${phaseOf(stage.members[name])}`);
    machine.process = undefined;
    machine.waiting = undefined;
    machine.unfinished = undefined;
    for (const link of stage.linksOf(name)) {
      // A kernel that closes sends all that it has, or resets and forgets what has not left yet.
      const lost = stage.dice.pick(death === "kill" ? [0, 0, 0, 0.5, 1] : [0, 0.5, 1, 1]);
      link.end(name, { lost, silent: death === "power" }, stage.nowMs);
    }
    if (!wasClean) stage.hadUncleanDeath = true;
    if (name === "k") this.#judgeLossOfKeeper();
    else this.#judgeLoss(name, { epoch, wasPrimary, wasClean });
    if (restartAfterMs === undefined) return;
    const { processNumber } = machine;
    const again = (): void => {
      if (machine.processNumber === processNumber) this.restart(name);
    };
    stage.timers.add(again, stage.nowMs + restartAfterMs);
  }

  /** The epoch that the keeper has granted to this process last, whether it has read that or not. */
  #grantedTo(name: MemberName): number {
    const { granted } = this.#stage;
    const { machine, process } = this.#stage.nameOf(name);
    return granted?.to.machine === machine && granted.to.process === process ? granted.epoch : 0;
  }

  /** The other member will learn of its end at once. */
  #isHeard(name: MemberName): boolean {
    const stage = this.#stage;
    const other = stage.members[otherMember(name)];
    const link = stage.links.get("ab");
    const disturbedAtMs = stage.disturbedAtMs.get("ab") ?? -Infinity;
    if (link === undefined || other.isFrozen || stage.members[name].isFrozen) return false;
    // Long enough for two beats and their answers, so that the other one has proof that it lived until now.
    return this.#isCalm(link) && stage.nowMs - disturbedAtMs > stage.knobs.takeoverAfterMs;
  }

  /** Both ends are awake, and what either says reaches the other soon. */
  #isCalm(link: StreamLink): boolean {
    return link.ends.every((end) => this.#shows(link, end));
  }

  /** Whether somebody must go on now. */
  #judgeLoss(name: MemberName, { epoch, wasPrimary, wasClean }: Dead): void {
    const stage = this.#stage;
    const survivor = stage.members[otherMember(name)].process;
    const { fencing, keeper } = stage.knobs;
    if (survivor === undefined) {
      stage.isLost = true;
      return;
    }
    const mayHaveGoneOn = epoch === stage.latestEpoch || epoch === this.#grantedTo(name);
    // It took over by itself, under the epoch that it was handed and had not read of.
    const isUnknown = keeper === undefined && wasPrimary && survivor.standby?.openHandover !== undefined;
    if (mayHaveGoneOn && (survivor.epoch < epoch || isUnknown)) stage.isLost = true;
    if (survivor.role === "primary") return;
    const isBetween = survivor.role === "arriving" || epoch > stage.latestEpoch;
    if (isBetween && keeper === undefined && fencing === "prefer-availability" && !wasClean)
      stage.mayBeLost ??= "the one that was handed over to cannot know what the other did before it died";
    if (survivor.standby?.isCurrent === false) stage.mayBeLost ??= "the standby was not current";
    if (keeper !== undefined && !stage.keeperIsCurrent) stage.mayBeLost ??= "the keeper was not current";
    if (keeper === undefined && fencing === "keep-primary" && !wasClean)
      stage.mayBeLost ??= "the primary is to be kept, and is not surely dead";
  }

  /** Without the keeper nobody may be allowed to go on, or nobody may have what it takes. */
  #judgeLossOfKeeper(): void {
    const stage = this.#stage;
    stage.keeperIsCurrent = false;
    if (stage.primary === undefined) stage.mayBeLost ??= "the keeper was lost before it let somebody go on";
  }

  restart(name: MachineName): void {
    const stage = this.#stage;
    if (stage.machine(name).process !== undefined) return;
    stage.count(`restart ${name === "k" ? "of the keeper" : "of a member"}`);
    if (name === "k") stage.startKeeper();
    else stage.start(name, "secondary");
    for (const link of stage.linksOf(name)) link.reset(name, stage.nowMs);
    if (name === "k") this.#turns?.keeper.drain();
    else this.#turns?.members.drain(name);
  }

  freeze(name: MachineName, forMs: number, timersFirst: boolean, batch: boolean): void {
    const machine = this.#stage.machine(name);
    if (machine.isFrozen || machine.process === undefined) return;
    this.#stage.disturb(name);
    machine.waiting = [];
    const { processNumber } = machine;
    const thaw = (): void => {
      if (machine.processNumber === processNumber) this.thaw(name, timersFirst, batch);
    };
    this.#stage.timers.add(thaw, this.#stage.nowMs + forMs);
  }

  /** It stands still in the middle of a turn. */
  standStill(name: MemberName, forMs: number, unfinished: () => void): void {
    this.freeze(name, forMs, true, false);
    this.#stage.count("pause before sending");
    this.#stage.members[name].unfinished = unfinished;
  }

  /** It goes on: with its overdue timers, and with what waited, in one order or the other. */
  thaw(name: MachineName, timersFirst: boolean, batch: boolean): void {
    const stage = this.#stage;
    const machine = stage.machine(name);
    const { waiting } = machine;
    if (waiting === undefined) return;
    machine.waiting = undefined;
    stage.trace.note(stage.nowMs, () => `${name} goes on, ${waiting.length} inputs waited`);
    const { unfinished } = machine;
    machine.unfinished = undefined;
    unfinished?.();
    if (timersFirst) this.#advance(name);
    for (const receive of waiting) {
      // It may come to stand still again in the middle of that.
      if (machine.isFrozen) stage.machine(name).waiting?.push(receive);
      else {
        receive();
        if (!batch) this.#drain(name);
      }
    }
    if (machine.isFrozen) return;
    this.#drain(name);
    if (!timersFirst) this.#advance(name);
  }

  #advance(name: MachineName): void {
    if (name === "k") this.#turns?.keeper.advance();
    else this.#turns?.members.with(name, (member, localMs) => member.advance(localMs));
  }

  #drain(name: MachineName): void {
    if (name === "k") this.#turns?.keeper.drain();
    else this.#turns?.members.drain(name);
  }

  /** Links that can be made again are; those on which nothing comes are given up. */
  lookAfterLinks(): void {
    const { nowMs, links, knobs, heardAtMs } = this.#stage;
    for (const [pair, link] of links) {
      if (!this.#isCalm(link)) {
        this.#stage.disturbedAtMs.set(pair, nowMs);
        this.#stage.noteDisturbance(pair, pollMs);
      }
      for (const end of link.ends) {
        // Hosts show each other that they live, whatever their members have to say.
        if (this.#shows(link, link.other(end))) heardAtMs.set(`${pair}>${end}`, nowMs);
        const silentMs = nowMs - (heardAtMs.get(`${pair}>${end}`) ?? nowMs);
        if (link.isOpen(end) && silentMs > knobs.link.silentAfterMs) this.giveUp(pair, end);
      }
      if (nowMs < link.connectAtMs || link.isWhole || link.isCut) continue;
      const isAwake = link.ends.every((end) => {
        const machine = this.#stage.machine(end);
        return machine.process !== undefined && !machine.isFrozen;
      });
      if (isAwake) link.connect(nowMs);
    }
  }

  /** What this end shows arrives at the other one. */
  #shows(link: StreamLink, end: MachineName): boolean {
    const machine = this.#stage.machine(end);
    return (
      machine.process !== undefined && !machine.isFrozen && link.carries(link.other(end), this.#stage.nowMs)
    );
  }

  /** A live process gives its end up. It lets it lie: the other end hears nothing of that, and no more at all. */
  giveUp(pair: PairName, name: MachineName): void {
    const stage = this.#stage;
    const link = stage.links.get(pair);
    const machine = stage.machine(name);
    if (link?.isOpen(name) !== true || machine.process === undefined || machine.isFrozen) return;
    stage.count("link given up");
    stage.noteDisturbance(pair);
    link.end(name, { lost: 0, silent: true }, stage.nowMs);
    const { connections } = link;
    const closeAtLast = (): void => {
      if (link.connections === connections) link.reset(name, stage.nowMs);
    };
    stage.timers.add(closeAtLast, stage.nowMs + 2 * stage.knobs.link.silentAfterMs);
    if (name === "k") this.#turns?.keeper.linkDown(pair, false, true);
    else {
      const which = pair === "ab" ? "partner" : "keeper";
      this.#turns?.members.with(name, (member, localMs) => member.linkDown(which, false, localMs));
    }
  }

  /** Nothing fails any more: everybody runs, everything carries. */
  healAll(): void {
    const stage = this.#stage;
    stage.crasher.disarm();
    stage.network.healAll();
    for (const link of stage.links.values()) link.heal("both", stage.nowMs);
    for (const name of machineNames) {
      if (name === "k" && stage.knobs.keeper === undefined) continue;
      if (stage.machine(name).isFrozen) this.thaw(name, true, false);
      if (stage.machine(name).process === undefined) this.restart(name);
    }
  }
}

/** How far the association is that a primary has. */
function phaseOf({ process }: Machine<MemberPort>): "set-up" | "established" | "shutdown" {
  const { active } = process ?? {};
  const phase =
    active?.association === undefined ? undefined : active.endpoint.state(active.association)?.phase;
  if (phase === undefined || phase === "cookie-echoed") return "set-up";
  return phase === "established" ? "established" : "shutdown";
}
