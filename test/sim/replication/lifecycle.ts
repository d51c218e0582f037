import type { KeeperTurns } from "./keeper-turns.ts";
import type { CrashPlan, Death, MachineName, MemberName, PairName } from "./knobs.ts";
import { otherMember } from "./knobs.ts";
import type { Stage } from "./stage.ts";
import type { StreamLink } from "./stream-link.ts";
import type { Turns } from "./turns.ts";

interface TurnsOfAll {
  readonly members: Turns;
  readonly keeper: KeeperTurns;
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
    const epoch = name === "k" ? 0 : (stage.members[name].process?.epoch ?? 0);
    stage.note({ kind: "died", atMs: stage.nowMs, ...stage.nameOf(name) });
    stage.count(`death ${death} of ${role}`);
    machine.process = undefined;
    machine.waiting = undefined;
    for (const link of stage.linksOf(name)) {
      // A kernel that closes sends all that it has, or resets and forgets what has not left yet.
      const isHeldUp = link.isHeldUp(link.other(name), stage.nowMs);
      const kept = isHeldUp ? [0, 0, 1] : [0, 0, 0, 0.5, 1];
      const lost = stage.dice.pick(death === "kill" ? kept : [0, 0.5, 1, 1]);
      link.end(name, { lost, silent: death === "power" }, stage.nowMs);
    }
    if (!wasClean) stage.hadUncleanDeath = true;
    if (name === "k") this.#judgeLossOfKeeper();
    else this.#judgeLoss(name, epoch, wasClean);
    if (restartAfterMs === undefined) return;
    const { processNumber } = machine;
    const again = (): void => {
      if (machine.processNumber === processNumber) this.restart(name);
    };
    stage.timers.add(again, stage.nowMs + restartAfterMs);
  }

  /** The other member will learn of its end at once. */
  #isHeard(name: MemberName): boolean {
    const stage = this.#stage;
    const other = stage.members[otherMember(name)];
    const link = stage.links.get("ab");
    const heardAtMs = stage.heardAtMs.get(`ab>${other.name}`) ?? -Infinity;
    if (link === undefined || other.isFrozen || stage.members[name].isFrozen) return false;
    return link.isWhole && !link.isCut && stage.nowMs - heardAtMs < stage.knobs.leaseMs / 2;
  }

  /** Whether somebody must go on now. */
  #judgeLoss(name: MemberName, epoch: number, wasClean: boolean): void {
    const stage = this.#stage;
    const survivor = stage.members[otherMember(name)].process;
    const { fencing, keeper } = stage.knobs;
    if (survivor === undefined) {
      stage.isLost = true;
      return;
    }
    if (keeper === undefined && epoch === stage.latestEpoch && survivor.epoch < epoch) stage.isLost = true;
    if (survivor.role === "primary") return;
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
    machine.waiting = [];
    const { processNumber } = machine;
    const thaw = (): void => {
      if (machine.processNumber === processNumber) this.thaw(name, timersFirst, batch);
    };
    this.#stage.timers.add(thaw, this.#stage.nowMs + forMs);
  }

  /** It goes on: with its overdue timers, and with what waited, in one order or the other. */
  thaw(name: MachineName, timersFirst: boolean, batch: boolean): void {
    const stage = this.#stage;
    const machine = stage.machine(name);
    const { waiting } = machine;
    if (waiting === undefined) return;
    machine.waiting = undefined;
    stage.trace.note(stage.nowMs, () => `${name} goes on, ${waiting.length} inputs waited`);
    if (timersFirst) this.#advance(name);
    for (const receive of waiting) {
      receive();
      if (!batch) this.#drain(name);
    }
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
