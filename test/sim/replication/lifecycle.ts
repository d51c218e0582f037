import type { CrashPlan, Death, MachineName, MemberName } from "./knobs.ts";
import { memberNames, otherMember } from "./knobs.ts";
import type { Stage } from "./stage.ts";
import type { Turns } from "./turns.ts";

/** Processes begin, stand still and end; links are made anew. */
export class Lifecycle {
  readonly #stage: Stage;
  #turns: Turns | undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Turns and deaths need each other. */
  set turns(turns: Turns) {
    this.#turns = turns;
  }

  carryOut(victim: MemberName, plan: CrashPlan): void {
    this.#stage.crasher.crashed.push(plan.point);
    this.#stage.count(`kill point ${plan.point}`);
    this.#stage.trace.note(
      this.#stage.nowMs,
      () => `kill point ${plan.point}: ${victim} dies (${plan.death})`,
    );
    this.die(victim, plan.death, plan.restartAfterMs);
  }

  die(name: MachineName, death: Death, restartAfterMs: number | undefined): void {
    if (name === "k") return;
    const stage = this.#stage;
    const machine = stage.members[name];
    const { process } = machine;
    if (process === undefined) return;
    const wasClean = death === "kill" && this.#isHeard(name);
    stage.note({ kind: "died", atMs: stage.nowMs, ...stage.nameOf(name) });
    stage.count(`death ${death} of ${process.role}`);
    machine.process = undefined;
    machine.waiting = undefined;
    const lost = stage.dice.pick(death === "kill" ? [0, 0, 0, 0.5, 1] : [0, 0.5, 1, 1]);
    for (const link of stage.linksOf(name)) link.end(name, { lost, silent: death === "power" }, stage.nowMs);
    this.#judgeLoss(name, process.epoch, wasClean);
    if (restartAfterMs !== undefined) {
      const { processNumber } = machine;
      const again = (): void => {
        if (machine.processNumber === processNumber) this.restart(name);
      };
      stage.timers.add(again, stage.nowMs + restartAfterMs);
    }
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
    if (survivor.standby !== undefined && !survivor.standby.isCurrent)
      stage.mayBeLost ??= "the standby was not current";
    if (fencing === "keep-primary" && !wasClean)
      stage.mayBeLost ??= "the primary is to be kept, and is not surely dead";
  }

  restart(name: MemberName): void {
    const stage = this.#stage;
    if (stage.members[name].process !== undefined) return;
    stage.count("restart");
    stage.start(name, "secondary");
    for (const link of stage.linksOf(name)) link.reset(name, stage.nowMs);
    this.#turns?.drain(name);
  }

  freeze(name: MachineName, forMs: number, timersFirst: boolean, batch: boolean): void {
    if (name === "k") return;
    const machine = this.#stage.members[name];
    if (machine.isFrozen || machine.process === undefined) return;
    machine.waiting = [];
    const { processNumber } = machine;
    const thaw = (): void => {
      if (machine.processNumber === processNumber) this.thaw(name, timersFirst, batch);
    };
    this.#stage.timers.add(thaw, this.#stage.nowMs + forMs);
  }

  /** It goes on: with its overdue timers, and with what waited, in one order or the other. */
  thaw(name: MemberName, timersFirst: boolean, batch: boolean): void {
    const stage = this.#stage;
    const machine = stage.members[name];
    const { waiting } = machine;
    if (waiting === undefined) return;
    machine.waiting = undefined;
    stage.trace.note(stage.nowMs, () => `${name} goes on, ${waiting.length} inputs waited`);
    const advance = (): void => this.#turns?.with(name, (member, localMs) => member.advance(localMs));
    if (timersFirst) advance();
    for (const receive of waiting) {
      receive();
      if (!batch) this.#turns?.drain(name);
    }
    this.#turns?.drain(name);
    if (!timersFirst) advance();
  }

  /** Links that can be made again are. */
  connect(): void {
    const { nowMs, links, members } = this.#stage;
    for (const link of links.values()) {
      if (nowMs < link.connectAtMs || link.isWhole || link.isCut) continue;
      const isAwake = link.ends.every((end) => {
        return end === "k" || (members[end].process !== undefined && !members[end].isFrozen);
      });
      if (isAwake) link.connect(nowMs);
    }
  }

  /**
   * A live process closes its end of a link on which it has heard nothing for long. What hosts owe the
   * members: the other end must not take that for the death of the process, so it must be stale too.
   */
  giveUp(pair: "ab" | "ak" | "bk", name: MachineName): void {
    const stage = this.#stage;
    const link = stage.links.get(pair);
    if (link === undefined || name === "k" || !link.isOpen(name)) return;
    const machine = stage.members[name];
    if (machine.process === undefined || machine.isFrozen) return;
    const silentMs = (end: MachineName): number =>
      stage.nowMs - (stage.heardAtMs.get(`${pair}>${end}`) ?? -Infinity);
    if (silentMs(name) < stage.knobs.takeoverAfterMs) return;
    if (silentMs(link.other(name)) < 1.1 * stage.knobs.leaseMs) return;
    stage.count("link given up");
    link.end(name, { lost: 1, silent: false }, stage.nowMs);
    const which = pair === "ab" ? "partner" : "keeper";
    this.#turns?.with(name, (member, localMs) => member.linkDown(which, false, localMs));
  }

  /** Nothing fails any more: everybody runs, everything carries. */
  healAll(): void {
    const stage = this.#stage;
    stage.crasher.disarm();
    stage.network.healAll();
    for (const link of stage.links.values()) link.heal("both", stage.nowMs);
    for (const name of memberNames) {
      if (stage.members[name].isFrozen) this.thaw(name, true, false);
      if (stage.members[name].process === undefined) this.restart(name);
    }
  }
}
