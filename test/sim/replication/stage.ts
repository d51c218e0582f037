import { NumberedApplication } from "../../../agents/application/index.ts";
import type { KeeperOptions, MemberOptions } from "../../../agents/replica/index.ts";
import { ActiveInstance, Keeper, Member, parseReplication } from "../../../agents/replica/index.ts";
import type { Delivery, EndpointConfig, RandomSource } from "../../../agents/sctp/index.ts";
import { Endpoint, seededRandom } from "../../../agents/sctp/index.ts";
import { endpointConfig } from "../endpoints.ts";
import { Dice } from "../sctp/dice.ts";
import { nearWrap } from "../sctp/host.ts";
import { FaultyNetwork } from "../sctp/network.ts";
import { Underway } from "../underway.ts";
import type { HistoryEvent, ProcessName } from "./checker/history.ts";
import { HistoryChecker } from "./checker/history-checker.ts";
import { Crasher } from "./crasher.ts";
import { mayRestart } from "./draw-extensions.ts";
import type { Knobs, MachineName, MemberName, PairName } from "./knobs.ts";
import { memberNames, otherMember } from "./knobs.ts";
import type { KeeperPort, MemberPort } from "./machine.ts";
import { Machine } from "./machine.ts";
import { commitsAlways, lagBoundOf } from "./policies.ts";
import { StreamLink } from "./stream-link.ts";
import type { Trace } from "./trace.ts";

export const addressOf: Readonly<Record<MemberName, string>> = { a: "192.0.2.11", b: "192.0.2.12" };
export const memberAt: ReadonlyMap<string, MemberName> = new Map(
  memberNames.map((name) => [addressOf[name], name]),
);
export const clusterAddresses: readonly string[] = memberNames.map((name) => addressOf[name]);

/** Where mutants of the system are put in. */
export interface Makers {
  readonly member: (options: MemberOptions, nowMs: number) => MemberPort;
  readonly endpoint: (config: EndpointConfig, random: RandomSource) => Endpoint;
  readonly keeper: (options: KeeperOptions) => KeeperPort;
}

export const realMakers: Makers = {
  member: (options, nowMs) => new Member(options, nowMs),
  endpoint: (config, random) => new Endpoint(config, random),
  keeper: (options) => new Keeper(options),
};

/** What the user of an endpoint is told that the peer may never have got. */
interface GivenUp {
  readonly streamId: number;
  readonly payload: Uint8Array;
}

const firstMs = 1_000_000;

/** What the parts of one simulation share: computers, links, network, the outside computer, checker and time. */
export class Stage {
  nowMs: number = firstMs;
  readonly knobs: Knobs;
  readonly makers: Makers;
  readonly trace: Trace;
  readonly dice: Dice;
  readonly network: FaultyNetwork;
  readonly members: Readonly<Record<MemberName, Machine<MemberPort>>>;
  readonly keeper: Machine<KeeperPort>;
  readonly links: ReadonlyMap<PairName, StreamLink>;
  readonly peer: ActiveInstance;
  readonly checker: HistoryChecker;
  readonly crasher: Crasher;
  /** What is to be done at an instant. */
  readonly timers: Underway<() => void> = new Underway<() => void>();
  /** How often what was hit. */
  readonly coverage: Map<string, number> = new Map<string, number>();
  /** What applications on the cluster were given in this turn. */
  readonly taken: Delivery[] = [];
  /** Messages that an endpoint of the cluster gave up in this turn, since a former instance may have sent them. */
  readonly givenUp: GivenUp[] = [];
  /** An endpoint of the cluster went on in this turn, and from a state that may be older than what the peer saw. */
  wentOnBehind: boolean = false;
  /** TSNs that DATA was given in this turn. */
  readonly assigned: { readonly tsn: number; readonly sequence: number }[] = [];
  /** When each end of a link last read something, by pair and computer. */
  readonly heardAtMs: Map<string, number> = new Map<string, number>();
  /** When a link last did not carry what its ends said, or one of them stood still or had its clock set. */
  readonly disturbedAtMs: Map<PairName, number> = new Map<PairName, number>();
  /** The association may be lost: who could have gone on with it is gone, or was not to. */
  mayBeLost: string | undefined;
  /** Somebody died without a word to the others. */
  hadUncleanDeath: boolean = false;
  /** Nobody is left who knows of the latest epoch. */
  isLost: boolean = false;
  /** The association is set up again, because the outside computer could not be moved on. */
  wasRestarted: boolean = false;
  /** Whose user wants the association ended. */
  endedBy: "peer" | "cluster" | undefined;
  latestEpoch: number = 0;
  /** The keeper would let the standby go on. */
  keeperIsCurrent: boolean = false;
  /** Whom it let go on last, whether that one has read it or not. */
  granted: { readonly to: ProcessName; readonly epoch: number } | undefined;
  /** The outside computer is to send at least until then. */
  quietFromMs: number = 0;
  /** Who was the last to become primary. */
  formerPrimary: ProcessName | undefined;
  readonly #wrapped: Set<number> = new Set<number>();
  #endpoints: number = 0;

  constructor(knobs: Knobs, makers: Makers, trace: Trace) {
    this.knobs = knobs;
    this.makers = makers;
    this.trace = trace;
    this.dice = new Dice(knobs.seed, "world");
    this.network = new FaultyNetwork(knobs.network, knobs.seed, 0);
    const commits = commitsAlways(knobs);
    this.checker = new HistoryChecker({
      commits,
      mayRestart: mayRestart(knobs.parameters, commits),
      lag: lagBoundOf(knobs),
      streams: knobs.down.streams,
    });
    this.crasher = new Crasher(knobs.crashes, knobs.pauses, firstMs);
    this.members = { a: new Machine("a", knobs.clocks.a), b: new Machine("b", knobs.clocks.b) };
    const link = (one: MachineName, other: MachineName): StreamLink =>
      new StreamLink([one, other], knobs.link, new Dice(knobs.seed, `link ${one}${other}`), this.nowMs);
    this.keeper = new Machine("k", knobs.clocks.k);
    this.links = new Map<PairName, StreamLink>([["ab", link("a", "b")]]);
    if (knobs.keeper !== undefined)
      this.links = new Map<PairName, StreamLink>([
        ...this.links,
        ["ak", link("a", "k")],
        ["bk", link("b", "k")],
      ]);
    this.peer = new ActiveInstance({
      endpoint: this.#endpoint(knobs.peerAddresses, knobs.peerAddresses[0] ?? "", false),
      makeApplication: () => new NumberedApplication("up", true),
      epoch: 1,
      mayLeave: () => true,
    });
  }

  /** Milliseconds since the run began. */
  get sinceStartMs(): number {
    return this.nowMs - firstMs;
  }

  note(event: HistoryEvent): void {
    this.trace.event(event);
    this.checker.note(event);
  }

  count(name: string): void {
    this.coverage.set(name, (this.coverage.get(name) ?? 0) + 1);
  }

  /** What was seen of a turn is told, or nobody will ever know. */
  forgetTurn(): void {
    this.taken.length = 0;
    this.assigned.length = 0;
    this.givenUp.length = 0;
    this.wentOnBehind = false;
  }

  machine(name: MachineName): Machine<MemberPort> | Machine<KeeperPort> {
    return name === "k" ? this.keeper : this.members[name];
  }

  nameOf(name: MachineName): ProcessName {
    return { machine: name, process: this.machine(name).processNumber };
  }

  /** The third computer's process begins; it has nothing of what an earlier one had. */
  startKeeper(): void {
    const { keeper, takeoverAfterMs } = this.knobs;
    if (keeper === undefined) return;
    const options = { takeoverAfterMs, holdsStates: keeper === "store", maxBytes: 64 * 1024 * 1024 };
    this.keeper.start(this.makers.keeper(options));
    this.keeperIsCurrent = false;
    this.note({ kind: "started", atMs: this.nowMs, ...this.nameOf("k") });
  }

  /** A process of a member begins on this computer. */
  start(name: MemberName, startsAs: "primary" | "secondary"): void {
    const machine = this.members[name];
    const { knobs } = this;
    const parsed = parseReplication(knobs.policy);
    if (!parsed.ok) throw new Error(parsed.reason);
    const options: MemberOptions = {
      startsAs,
      partnerAddresses: [addressOf[otherMember(name)]],
      makeEndpoint: () => this.#endpoint(clusterAddresses, addressOf[name], true),
      makeApplication: () => new NumberedApplication("down"),
      fencing: knobs.fencing,
      policy: parsed.replication.policy,
      keeper: knobs.keeper,
      beatIntervalMs: knobs.beatIntervalMs,
      leaseMs: knobs.leaseMs,
      takeoverAfterMs: knobs.takeoverAfterMs,
    };
    machine.start(this.makers.member(options, machine.localMs(this.nowMs)));
    this.note({ kind: "started", atMs: this.nowMs, ...this.nameOf(name) });
    if (startsAs === "primary") {
      this.latestEpoch = 1;
      this.formerPrimary = this.nameOf(name);
      const event = {
        kind: "primary",
        epoch: 1,
        by: "start",
        holder: undefined,
        from: undefined,
        lags: false,
      } as const;
      this.note({ ...event, atMs: this.nowMs, ...this.nameOf(name) });
    }
  }

  #endpoint(addresses: readonly string[], ownAddress: string, isCluster: boolean): Endpoint {
    const { seed, parameters, tsnNearWrap } = this.knobs;
    const config = {
      ...endpointConfig(addresses, isCluster, parameters),
      ownAddress,
      holdsDeliveries: !isCluster,
    };
    const source = seededRandom(Math.imul(seed, 2654435761) + 977 * this.#endpoints++);
    const random = tsnNearWrap ? nearWrap(source, this.#wrapped) : source;
    if (!isCluster) return new Endpoint(config, random);
    return this.#observed(this.makers.endpoint(config, random));
  }

  /** The endpoint, of which somebody sees what no record tells. */
  #observed(endpoint: Endpoint): Endpoint {
    const takeOutputs = endpoint.takeOutputs.bind(endpoint);
    const resume = endpoint.resume.bind(endpoint);
    endpoint.takeOutputs = () => {
      const outputs = takeOutputs();
      this.taken.push(...outputs.deliveries);
      for (const { update, sequence } of outputs.updates)
        if (update.kind === "tsnAssigned") this.assigned.push({ tsn: update.tsn, sequence });
      for (const { notification } of outputs.notifications) {
        if (notification.type === "send-failed" && notification.reason === "takeover")
          this.givenUp.push(notification);
        if (notification.type === "local-address-change")
          this.count(`address ${notification.change} ${notification.accepted ? "granted" : "refused"}`);
      }
      return outputs;
    };
    endpoint.resume = (state, nowMs, terms) => {
      if (terms?.lag !== undefined) this.wentOnBehind = true;
      return resume(state, nowMs, terms);
    };
    return endpoint;
  }

  /** Who has from the start all that a new primary has: the store, or the member that handed over and still runs. */
  holderOfNewPrimary(by: "takeover" | "handover"): ProcessName | undefined {
    if (this.knobs.keeper === "store") return this.nameOf("k");
    const { formerPrimary } = this;
    if (by === "takeover" || formerPrimary === undefined) return undefined;
    const isAlive = memberNames.some((name) => {
      const { processNumber, process } = this.members[name];
      return (
        name === formerPrimary.machine && processNumber === formerPrimary.process && process !== undefined
      );
    });
    return isAlive ? formerPrimary : undefined;
  }

  /** The member that runs the associations, if one does: of several that think so, the latest. */
  get primary(): MemberName | undefined {
    let found: MemberName | undefined;
    for (const name of memberNames) {
      const { process } = this.members[name];
      if (process?.role !== "primary") continue;
      const best = found === undefined ? undefined : this.members[found].process;
      if (best === undefined || process.epoch > best.epoch) found = name;
    }
    return found;
  }

  disturb(name: MachineName): void {
    for (const [pair, { ends }] of this.links) {
      if (!ends.includes(name)) continue;
      this.disturbedAtMs.set(pair, this.nowMs);
      this.noteDisturbance(pair);
    }
  }

  /** For the checker alone: the trace tells of what it was. `seenLateMs`: so long ago it may have begun. */
  noteDisturbance(pair: PairName, seenLateMs: number = 0): void {
    const atMs = this.nowMs;
    if (pair === "ab") this.checker.note({ kind: "disturbed", atMs, sinceMs: atMs - seenLateMs });
  }

  linksOf(name: MachineName): StreamLink[] {
    return [...this.links.values()].filter(({ ends }) => ends.includes(name));
  }
}
