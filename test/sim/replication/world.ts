import type { FlowTotal } from "../../../agents/control/records.ts";
import { messageText } from "./checker/message-ledger.ts";
import { PropertyViolation, hold } from "../sctp/checker/violation.ts";
import { Happenings } from "./happenings.ts";
import { KeeperTurns } from "./keeper-turns.ts";
import type { Knobs, MachineName } from "./knobs.ts";
import { memberNames, otherMember } from "./knobs.ts";
import { Lifecycle } from "./lifecycle.ts";
import { Outside } from "./outside.ts";
import type { Makers } from "./stage.ts";
import { kindOfPolicy, pollMs } from "./policies.ts";
import { Stage, memberAt, realMakers } from "./stage.ts";
import { wrapStreams } from "./stream-numbers.ts";
import type { Trace } from "./trace.ts";
import { noTrace } from "./trace.ts";
import type { GiveUp } from "./turns.ts";
import { Turns } from "./turns.ts";

export interface WorldOptions {
  readonly makers?: Makers;
  readonly trace?: Trace;
}

export interface RunResult {
  readonly packets: number;
  readonly delivered: number;
  readonly virtualMs: number;
  /** How often what was hit. */
  readonly coverage: ReadonlyMap<string, number>;
  /** Why nobody had to go on with the association; undefined: all of it was to be delivered, and was. */
  readonly excuse: string | undefined;
}

const mostStepsAtOnce = 5000;

/** A cluster, its peer, the network and the links between them, from one seed on virtual time. */
export class ReplicationWorld {
  readonly #knobs: Knobs;
  readonly #stage: Stage;
  readonly #turns: Turns;
  readonly #keeperTurns: KeeperTurns;
  readonly #lifecycle: Lifecycle;
  readonly #outside: Outside;
  readonly #happenings: Happenings;
  #next: number = 0;
  #pollAtMs: number;
  #stepsAtOnce: number = 0;
  #isHealed: boolean = false;
  #areWrapped: boolean = false;
  #peerIsLoaded: boolean = false;
  /** The outside computer sends, also after everything is healed: an idle one does not show what it lacks. */
  #peerSends: boolean = false;

  constructor(knobs: Knobs, options: WorldOptions = {}) {
    this.#knobs = knobs;
    this.#stage = new Stage(knobs, options.makers ?? realMakers, options.trace ?? noTrace);
    this.#lifecycle = new Lifecycle(this.#stage);
    const giveUp: GiveUp = (pair, name) => this.#lifecycle.giveUp(pair, name);
    this.#turns = new Turns(this.#stage, {
      kill: (victim, plan) => this.#lifecycle.carryOut(victim, plan),
      giveUp,
      standStill: (name, forMs, unfinished) => this.#lifecycle.standStill(name, forMs, unfinished),
    });
    this.#keeperTurns = new KeeperTurns(this.#stage, giveUp);
    this.#lifecycle.turns = { members: this.#turns, keeper: this.#keeperTurns };
    this.#outside = new Outside(this.#stage);
    const drainPeer = (): void => this.#outside.drain();
    this.#happenings = new Happenings(this.#stage, this.#turns, this.#lifecycle, drainPeer);
    this.#pollAtMs = this.#stage.nowMs;
  }

  /** Throws a PropertyViolation at the first property that does not hold. */
  run(): RunResult {
    const stage = this.#stage;
    stage.startKeeper();
    stage.start("a", "primary");
    stage.start("b", "secondary");
    for (const name of memberNames) this.#turns.drain(name);
    const startMs = stage.nowMs;
    stage.count(`policy ${kindOfPolicy(this.#knobs.policy)}`);
    stage.count(`third computer: ${this.#knobs.keeper ?? "none"}`);
    if (this.#knobs.tsnNearWrap) stage.count("TSNs near their wrap");
    this.#until(startMs + this.#knobs.activeMs, () => this.#isOver !== undefined);
    const excuse = this.#isOver ?? this.#settle();
    stage.checker.checkDeliveries();
    const { judged } = stage.checker.lag;
    if (judged > 0) stage.coverage.set("updates that had to be held at a takeover", judged);
    if (excuse === undefined) this.#countLosses();
    stage.count(excuse === undefined ? "run: everything arrived" : `run: excused, ${excuse}`);
    const { packets } = stage.checker.wire;
    const { delivered } = stage.checker.messages;
    return { packets, delivered, virtualMs: stage.nowMs - startMs, coverage: stage.coverage, excuse };
  }

  /** What was lost is known to be lost, or was never sent. */
  #countLosses(): void {
    const { checker, coverage } = this.#stage;
    const { reported, givenUp, skipped } = checker.accounts(checker.messages.missing(this.#totals()));
    const counts = {
      "lost, in a reported range": reported,
      "given up unsent": givenUp,
      "skipped, never sent": skipped,
    };
    for (const [name, count] of Object.entries(counts))
      if (count > 0) coverage.set(`messages ${name}`, count);
  }

  /** Heals everything; then what was sent arrives within a bound. Answers why it need not. */
  #settle(): string | undefined {
    const stage = this.#stage;
    this.#isHealed = true;
    stage.trace.note(stage.nowMs, () => "healed");
    this.#lifecycle.healAll();
    const boundMs = this.#boundMs();
    if (this.#until(stage.nowMs + boundMs, () => this.#isOver !== undefined || this.#isSettled()))
      return this.#isOver;
    if (stage.mayBeLost !== undefined) return stage.mayBeLost;
    if (stage.primary === undefined && stage.hadUncleanDeath && this.#isKept)
      return "the primary is to be kept, and the one that was handed over to is not surely dead";
    throw new PropertyViolation(
      "liveness",
      `not everything arrived within ${boundMs} ms after healing: ${this.#leftText()}`,
    );
  }

  /** Why nothing more is owed whatever happens. */
  get #isOver(): string | undefined {
    if (this.#stage.isLost) return "nobody is left who knows of the association";
    return this.#stage.wasRestarted ? "the association was set up again, as the last resort" : undefined;
  }

  get #isKept(): boolean {
    return this.#knobs.fencing === "keep-primary" && this.#knobs.keeper === undefined;
  }

  #leftText(): string {
    const { members, primary, peer } = this.#stage;
    const roles = memberNames.map(
      (name) => `${name} ${members[name].process?.role ?? "dead"} e${members[name].process?.epoch ?? 0}`,
    );
    const missing = this.#stage.checker.owed(this.#totals());
    const first = missing.slice(0, 3).map(messageText).join(", ");
    const peerText = `peer ${peer.association === undefined ? "has no association" : "has its association"}`;
    return `${roles.join(", ")}; primary ${primary ?? "none"}; ${peerText}; ${missing.length} deliveries missing ${first}`;
  }

  #boundMs(): number {
    const { parameters, takeoverAfterMs, link } = this.#knobs;
    return (
      6000 +
      24 * parameters.rtoMaxMs +
      3 * parameters.heartbeatIntervalMs +
      8 * takeoverAfterMs +
      50 * link.latencyMs
    );
  }

  #totals(): FlowTotal[] {
    const { primary, members, peer } = this.#stage;
    const cluster = primary === undefined ? [] : (members[primary].process?.active?.status().totals ?? []);
    return [...peer.status().totals, ...cluster];
  }

  #isSettled(): boolean {
    const { primary, members, peer, endedBy, checker } = this.#stage;
    if (this.#next < this.#knobs.happenings.length) return false;
    if (endedBy !== undefined)
      return peer.association === undefined && checker.owed(peer.status().totals).length === 0;
    if (primary === undefined || peer.association === undefined || !this.#peerIsLoaded) return false;
    const active = members[primary].process?.active;
    if (active?.status().drained !== true || !peer.status().drained) return false;
    // The other member has caught up, and could go on.
    if (members[otherMember(primary)].process?.standby?.isCurrent !== true) return false;
    const totals = this.#totals();
    return totals.some(({ flow }) => flow === "down") && checker.owed(totals).length === 0;
  }

  #until(endMs: number, done: () => boolean): boolean {
    const stage = this.#stage;
    for (;;) {
      if (done()) return true;
      const nextMs = Math.max(stage.nowMs, this.#nextMs());
      if (nextMs > endMs) {
        stage.nowMs = Math.max(stage.nowMs, endMs);
        return done();
      }
      this.#stepsAtOnce = nextMs === stage.nowMs ? this.#stepsAtOnce + 1 : 0;
      hold(
        this.#stepsAtOnce < mostStepsAtOnce,
        "time goes on",
        () => `${mostStepsAtOnce} steps at ${nextMs} ms`,
      );
      stage.nowMs = nextMs;
      this.#step();
    }
  }

  #nextMs(): number {
    const { network, links, members, keeper, peer, timers } = this.#stage;
    let next = Math.min(network.nextMs ?? Infinity, timers.nextMs ?? Infinity, this.#pollAtMs);
    next = Math.min(next, peer.nextDeadlineMs() ?? Infinity, this.#happeningMs());
    for (const link of links.values()) next = Math.min(next, link.nextMs);
    for (const machine of [members.a, members.b, keeper]) {
      const dueMs = machine.isFrozen ? undefined : machine.process?.nextDeadlineMs();
      if (dueMs !== undefined) next = Math.min(next, machine.worldMs(dueMs));
    }
    return next;
  }

  #happeningMs(): number {
    const happening = this.#knobs.happenings[this.#next];
    return happening === undefined ? Infinity : happening.atMs + this.#stage.nowMs - this.#stage.sinceStartMs;
  }

  #step(): void {
    const stage = this.#stage;
    const { nowMs } = stage;
    while (this.#happeningMs() <= nowMs) {
      const happening = this.#knobs.happenings[this.#next++];
      if (happening !== undefined) this.#happenings.happen(happening.what);
    }
    for (const act of stage.timers.takeDue(nowMs)) act();
    if (this.#pollAtMs <= nowMs) this.#poll();
    this.#readLinks();
    for (const { datagram } of stage.network.arrived(nowMs))
      this.#arrived(datagram.to, datagram.from, datagram.bytes);
    for (const name of [...memberNames, "k"] as const) this.#advance(name);
    if ((stage.peer.nextDeadlineMs() ?? Infinity) <= nowMs) {
      stage.peer.advance(nowMs);
      this.#outside.drain();
    }
  }

  #readLinks(): void {
    const stage = this.#stage;
    for (const [pair, link] of stage.links) {
      for (let next = link.take(stage.nowMs); next !== undefined; next = link.take(stage.nowMs)) {
        const { to, item } = next;
        this.#deliver(to, (drains) => {
          if (to === "k") this.#keeperTurns.receiveItem(pair, item, drains);
          else this.#turns.receiveItem(to, pair, item, drains);
        });
      }
    }
  }

  #arrived(to: string, from: string, bytes: Uint8Array): void {
    const name = memberAt.get(to);
    if (name === undefined) {
      this.#outside.receive(bytes, to, from);
      return;
    }
    const packet = { bytes, route: { local: to, remote: from }, congestionExperienced: false };
    this.#deliver(name, (drains) => {
      const machine = this.#stage.members[name];
      machine.process?.receive(packet, machine.localMs(this.#stage.nowMs));
      if (drains) this.#turns.drain(name);
    });
  }

  /** Now, or once the computer goes on. */
  #deliver(name: MachineName, receive: (drains: boolean) => void): void {
    const { waiting } = this.#stage.machine(name);
    if (waiting === undefined) receive(true);
    else waiting.push(() => receive(false));
  }

  #advance(name: MachineName): void {
    const machine = this.#stage.machine(name);
    const dueMs = machine.isFrozen ? undefined : machine.process?.nextDeadlineMs();
    if (dueMs === undefined || machine.worldMs(dueMs) > this.#stage.nowMs) return;
    machine.reached(dueMs);
    if (name === "k") this.#keeperTurns.advance();
    else this.#turns.with(name, (member, localMs) => member.advance(localMs));
  }

  /** What users and hosts see to from time to time. */
  #poll(): void {
    const stage = this.#stage;
    this.#pollAtMs = stage.nowMs + pollMs;
    this.#lifecycle.lookAfterLinks();
    this.#outside.call();
    if (stage.endedBy !== undefined) {
      if (this.#isHealed) this.#happenings.shutdown(stage.endedBy);
      return;
    }
    if (stage.sinceStartMs < this.#knobs.loadAtMs) return;
    if (this.#knobs.ssnNearWrap && !this.#areWrapped) {
      const wasDone = wrapStreams(stage);
      if (wasDone) stage.count("SSNs near their wrap");
      this.#areWrapped = wasDone || this.#isHealed;
      return;
    }
    this.#load();
  }

  #load(): void {
    const { peer, primary, members, nowMs } = this.#stage;
    const isEnough = this.#isHealed && this.#peerIsLoaded && nowMs >= this.#stage.quietFromMs;
    if (peer.association !== undefined && this.#peerSends === isEnough) {
      if (isEnough) peer.stopLoad(nowMs);
      else peer.startLoad(this.#knobs.up, nowMs);
      this.#peerSends = !isEnough;
      this.#peerIsLoaded = true;
      this.#outside.drain();
    }
    if (primary === undefined || members[primary].isFrozen) return;
    this.#turns.with(primary, ({ active }, localMs) => {
      if (active?.association === undefined) return;
      if (active.status().totals.length === 0) active.startLoad(this.#knobs.down, localMs);
      else if (this.#isHealed) active.stopLoad(localMs);
    });
  }
}
