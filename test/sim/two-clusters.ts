import { NumberedApplication } from "../../agents/application/index.ts";
import type { ActiveInstance, InstanceRecord, Replication } from "../../agents/replica/index.ts";
import { Member, decodeFrame, encodeFrame } from "../../agents/replica/index.ts";
import type { Extensions, OutboundPacket } from "../../agents/sctp/index.ts";
import { Endpoint, noExtensions, seededRandom, telecomParameters } from "../../agents/sctp/index.ts";
import { leaseMs, takeoverAfterMs } from "./cluster.ts";
import { endpointConfig } from "./endpoints.ts";
import type { NetworkFaults } from "./network.ts";
import { Network } from "./network.ts";
import { Underway } from "./underway.ts";
import { runVirtually } from "./virtual-time.ts";

export type EndName = "near" | "outside";
export type ComputerName = "a" | "b" | "peer" | "peer2";
/** Its process is killed and the kernel closes the link; its machine is without power; it stands still and wakes. */
export type Death = "kill" | "power" | "freeze";

export interface TwoClusterTerms {
  readonly policies: Readonly<Record<EndName, Replication["policy"]>>;
  /** What both ends know. */
  readonly extensions: Extensions;
}

/** What an instance wrote down, and under which epoch. */
export type EndRecord = InstanceRecord & { readonly end: EndName; readonly underEpoch: number };

/** What the user of an endpoint was told that the other end may never have got. */
interface GivenUp {
  readonly streamId: number;
  readonly payload: Uint8Array;
}

interface Computer {
  readonly name: ComputerName;
  readonly end: EndName;
  readonly address: string;
  member: Member | undefined;
  /** What came while it stood still. */
  waiting: (() => void)[] | undefined;
}

interface FrameUnderway {
  readonly to: ComputerName;
  readonly bytes: Uint8Array | undefined;
}

const linkLatencyMs = 0.5;
const beatIntervalMs = 25;
/** Longer than any silence that is borne. */
const frozenMs: number = takeoverAfterMs + 300;
const members = { near: ["a", "b"], outside: ["peer", "peer2"] } as const;
const addresses = { a: "192.0.2.11", b: "192.0.2.12", peer: "192.0.2.20", peer2: "192.0.2.21" } as const;

const commitsAll: TwoClusterTerms = {
  policies: { near: { kind: "every-update" }, outside: { kind: "every-update" } },
  extensions: noExtensions,
};

/** Two clusters that are each other's outside computer, on virtual time, from one seed. */
export class TwoClusters {
  nowMs: number = 1_000_000;
  readonly network: Network;
  readonly records: EndRecord[] = [];
  /** Messages that were given up because a former instance may have sent them. */
  readonly givenUp: GivenUp[] = [];
  readonly computers: ReadonlyMap<ComputerName, Computer>;
  readonly #frames: Underway<FrameUnderway> = new Underway<FrameUnderway>();
  readonly #timers: Underway<() => void> = new Underway<() => void>();
  readonly #seed: number;
  readonly #terms: TwoClusterTerms;

  constructor(seed: number, faults: NetworkFaults, terms: TwoClusterTerms = commitsAll) {
    this.#seed = seed;
    this.#terms = terms;
    this.network = new Network(faults, seededRandom(seed));
    const names: ComputerName[] = ["a", "b", "peer", "peer2"];
    this.computers = new Map(
      names.map((name) => {
        const end = name === "a" || name === "b" ? "near" : "outside";
        const member = this.#newMember(name, end);
        return [name, { name, end, address: addresses[name], member, waiting: undefined }];
      }),
    );
    for (const computer of this.computers.values()) computer.member?.linkUp("partner", this.nowMs);
    this.settle();
    // Only with a beat answered may a primary speak.
    this.run(3 * linkLatencyMs);
    this.serving("outside")?.connect(addresses.a, 7000, this.nowMs);
    this.settle();
  }

  #newMember(name: ComputerName, end: EndName): Member {
    const [first, second] = members[end];
    const isFirst = name === first;
    const own = addresses[name];
    const other = addresses[isFirst ? second : first];
    const salt = (isFirst ? 1 : 2) + (end === "near" ? 0 : 2);
    const parameters = { ...telecomParameters, extensions: this.#terms.extensions };
    const config = {
      ...endpointConfig([addresses[first], addresses[second]], end === "near", parameters),
      ownAddress: own,
    };
    return new Member(
      {
        startsAs: isFirst ? "primary" : "secondary",
        partnerAddresses: [other],
        makeEndpoint: () => this.#observed(new Endpoint(config, seededRandom(this.#seed * 10 + salt))),
        makeApplication: () =>
          end === "near" ? new NumberedApplication("down") : new NumberedApplication("up", true),
        fencing: "prefer-availability",
        policy: this.#terms.policies[end],
        keeper: undefined,
        beatIntervalMs,
        leaseMs,
        takeoverAfterMs,
      },
      this.nowMs,
    );
  }

  /** No record tells of messages that an endpoint gives up. */
  #observed(endpoint: Endpoint): Endpoint {
    const takeOutputs = endpoint.takeOutputs.bind(endpoint);
    endpoint.takeOutputs = () => {
      const outputs = takeOutputs();
      for (const { notification } of outputs.notifications)
        if (notification.type === "send-failed") this.givenUp.push(notification);
      return outputs;
    };
    return endpoint;
  }

  #of(name: ComputerName): Computer {
    const computer = this.computers.get(name);
    if (computer === undefined) throw new Error(`there is no computer ${name}`);
    return computer;
  }

  #partner({ name, end }: Computer): ComputerName {
    const [first, second] = members[end];
    return name === first ? second : first;
  }

  /** Who of an end runs the association: of two that believe it, the one of the later epoch. */
  serving(end: EndName): ActiveInstance | undefined {
    const both = members[end].flatMap((name) => this.#of(name).member ?? []);
    return both.toSorted((one, other) => other.epoch - one.epoch).find(({ active }) => active !== undefined)
      ?.active;
  }

  epochOf(end: EndName): number {
    return Math.max(...members[end].map((name) => this.#of(name).member?.epoch ?? 0));
  }

  /** Ends or stops the first member of an end, its primary. */
  strike(end: EndName, death: Death): void {
    const computer = this.#of(members[end][0]);
    if (death === "freeze") {
      computer.waiting = [];
      this.#timers.add(() => this.#thaw(computer), this.nowMs + frozenMs);
      return;
    }
    computer.member = undefined;
    this.network.cut(computer.address);
    // Without power nobody closes the link: silence is all that the other one hears.
    if (death === "kill") this.#frame(this.#partner(computer), undefined);
  }

  /** Overdue timers first, then what waited: the order that is worst for a lease. */
  #thaw(computer: Computer): void {
    const waiting = computer.waiting ?? [];
    computer.waiting = undefined;
    computer.member?.advance(this.nowMs);
    this.#drain(computer);
    for (const receive of waiting) receive();
  }

  /** Carries out what calls from outside have caused. */
  settle(): void {
    for (const computer of this.computers.values()) this.#drain(computer);
  }

  #drain(computer: Computer): void {
    const { member, end } = computer;
    if (member === undefined || computer.waiting !== undefined) return;
    const { packets, frames, records } = member.takeOutputs(this.nowMs);
    const partner = this.#partner(computer);
    for (const { frame } of frames) this.#frame(partner, encodeFrame(frame));
    for (const packet of packets) this.#send(computer, member.epoch, packet);
    for (const record of records) this.records.push({ ...record, end, underEpoch: member.epoch });
  }

  #send(computer: Computer, epoch: number, { local, remote, bytes }: OutboundPacket): void {
    if (local === computer.address) {
      this.network.send({ from: local, to: remote, bytes, epoch }, this.nowMs);
      return;
    }
    const frame = { kind: "outbound", epoch, route: { local, remote }, packet: bytes } as const;
    this.#frame(this.#partner(computer), encodeFrame(frame));
  }

  #frame(to: ComputerName, bytes: Uint8Array | undefined): void {
    this.#frames.add({ to, bytes }, this.nowMs + linkLatencyMs);
  }

  run(forMs: number, done: () => boolean = () => false): boolean {
    return runVirtually(this, { forMs, done, nextMs: () => this.#nextMs(), step: () => this.#step() });
  }

  #nextMs(): number {
    const due = [...this.computers.values()].map(({ member, waiting }) =>
      waiting === undefined ? member?.nextDeadlineMs() : undefined,
    );
    const all = [this.network.nextMs(), this.#frames.nextMs, this.#timers.nextMs, ...due];
    return Math.min(...all.map((atMs) => atMs ?? Infinity));
  }

  #step(): void {
    for (const act of this.#timers.takeDue(this.nowMs)) act();
    for (const { to, bytes } of this.#frames.takeDue(this.nowMs)) {
      this.#deliver(this.#of(to), (member) => receiveFrame(member, bytes, this.nowMs));
    }
    for (const { from, to, bytes } of this.network.arrived(this.nowMs)) {
      const route = { local: to, remote: from };
      const computer = [...this.computers.values()].find(({ address }) => address === to);
      if (computer === undefined) continue;
      this.#deliver(computer, (member) =>
        member.receive({ bytes, route, congestionExperienced: false }, this.nowMs),
      );
    }
    for (const computer of this.computers.values()) {
      const dueMs = computer.member?.nextDeadlineMs();
      if (dueMs === undefined || dueMs > this.nowMs || computer.waiting !== undefined) continue;
      computer.member?.advance(this.nowMs);
      this.#drain(computer);
    }
  }

  /** Now, or once the computer goes on. */
  #deliver(computer: Computer, receive: (member: Member) => void): void {
    const act = (): void => {
      if (computer.member !== undefined) receive(computer.member);
      this.#drain(computer);
    };
    if (computer.waiting === undefined) act();
    else computer.waiting.push(act);
  }
}

function receiveFrame(member: Member, bytes: Uint8Array | undefined, nowMs: number): void {
  if (bytes === undefined) {
    member.linkDown("partner", true, nowMs);
    return;
  }
  const frame = decodeFrame(bytes);
  if (frame === undefined) throw new Error("the link carried a frame that cannot be read");
  member.receiveFrame("partner", frame, nowMs);
}
