import type {
  AssociationState,
  AssociationUpdate,
  Delivery,
  Extensions,
  NumberedUpdate,
  Notification,
  ProtocolParameters,
  RandomSource,
  ResumeTerms,
  SchedulerName,
  TsnLease,
} from "../../../agents/sctp/index.ts";
import {
  Endpoint,
  applyUpdate,
  cloneAssociationState,
  noExtensions,
  openState,
  seededRandom,
  telecomParameters,
  tsn,
  writeLease,
} from "../../../agents/sctp/index.ts";
import { decodeUpdate } from "../../../agents/replica/index.ts";
import { decodeSnapshot, encodeSnapshot, secretsOf } from "../../../agents/replica/snapshot/codec.ts";
import { encodeUpdate } from "../../../agents/replica/update-codec.ts";
import { World, endpointConfig } from "../../sim/endpoints.ts";
import type { Node } from "../../sim/endpoints.ts";
import type { NetworkFaults } from "../../sim/network.ts";
import { quietNetwork } from "../../sim/network.ts";

const peerAddress = "192.0.2.20";
const lostAddress = "192.0.2.11";
const ownAddress = "192.0.2.12";

export interface StaleOptions {
  readonly seed: number;
  readonly faults?: NetworkFaults;
  readonly parameters?: Partial<ProtocolParameters>;
  readonly extensions?: Partial<Extensions>;
  readonly scheduler?: SchedulerName;
  /** TSNs and SSNs begin shortly before they come round. */
  readonly nearWrap?: boolean;
  /** TSNs that may be used above those that were, when A dies. */
  readonly spareTsns?: number;
}

type ReceiveState = AssociationState["receive"];

interface Sent {
  readonly text: string;
  /** TSNs of the fragments that got one. */
  readonly tsns: number[];
  /** Bytes that have none. */
  leftBytes: number;
}

/** What one side was given to send, with the TSNs that it gave to it: read off its updates. */
export class Ledger {
  readonly messages: Sent[] = [];
  readonly #queues: Map<number, Sent[]> = new Map();

  take(update: AssociationUpdate): void {
    if (update.kind === "messageQueued") {
      const { streamId, payload } = update;
      const message: Sent = { text: nameOf(payload), tsns: [], leftBytes: payload.length };
      this.messages.push(message);
      const queue = this.#queues.get(streamId) ?? [];
      this.#queues.set(streamId, [...queue, message]);
    } else if (update.kind === "tsnAssigned") {
      const queue = this.#queues.get(update.streamId) ?? [];
      const first = queue[0];
      if (first === undefined) return;
      first.tsns.push(update.tsn);
      first.leftBytes -= update.lengthBytes;
      if (first.leftBytes <= 0) queue.shift();
    }
  }
}

function wholeMessages(deliveries: readonly Delivery[]): string[] {
  const begun = new Map<string, string>();
  const whole: string[] = [];
  for (const { streamId, unordered, ssn, beginning, ending, payload } of deliveries) {
    const key = `${streamId} ${unordered} ${ssn}`;
    if (beginning) begun.set(key, nameOf(payload));
    const name = begun.get(key);
    if (!ending || name === undefined) continue;
    begun.delete(key);
    whole.push(name);
  }
  return whole;
}

/** The text in front of the padding. */
export const nameOf = (payload: Uint8Array): string => {
  const text = new TextDecoder().decode(payload);
  return text.slice(0, text.indexOf("|"));
};

export interface LossReport {
  readonly direction: "inbound" | "outbound";
  readonly firstTsn: number;
  readonly lastTsn: number;
}

/**
 * A cluster of A and B with a peer P: A runs the association, and one day B goes on with a state of A that is some
 * turns old.
 */
export class StaleTakeover {
  readonly world: World;
  readonly peer: Node;
  a: Node;
  b: Node | undefined;
  readonly turns: (readonly NumberedUpdate[])[] = [];
  readonly sentByA: Ledger = new Ledger();
  readonly sentByPeer: Ledger = new Ledger();
  readonly told: { readonly node: Node; readonly notification: Notification }[] = [];
  /** Deliveries, whole or in parts, as they came. */
  readonly deliveries: { readonly node: Node; readonly delivery: Delivery }[] = [];
  readonly sentByB: string[] = [];
  heldSequence: number = 0;
  /** The first TSN that A did not use. */
  nextTsnOfA: number = 0;
  /** Every TSN of the peer that A had received. */
  receivedByA: ReceiveState | undefined;
  /** What B's updates make of the state with which it began. */
  folded: AssociationState | undefined;
  /** Names of the messages that B knew of. */
  held: ReadonlySet<string> = new Set();
  tookOverAtMs: number = Number.POSITIVE_INFINITY;
  readonly #random: RandomSource;
  readonly #base: AssociationState;
  readonly #options: StaleOptions;
  #sent: number = 0;

  constructor(options: StaleOptions) {
    this.#options = options;
    const { seed, faults = quietNetwork, scheduler = "first-come-first-served" } = options;
    this.#random = seededRandom(seed * 7 + 5);
    this.world = new World(seed, quietNetwork);
    const parameters = {
      ...telecomParameters,
      extensions: { ...noExtensions, ...options.extensions },
      scheduler,
      ...options.parameters,
    };
    this.peer = this.world.add(endpointConfig([peerAddress], false, parameters), seed + 1);
    this.a = this.world.add(endpointConfig([lostAddress, ownAddress], true, parameters), seed + 2);
    if (options.nearWrap === true) {
      for (const node of [this.peer, this.a]) {
        node.endpoint = new Endpoint(node.config, nearWrapRandom(node.seed));
      }
    }
    this.world.drain = (node) => this.#drain(node);
    this.peer.endpoint.connect(lostAddress, 7000, this.world.nowMs);
    this.world.run(5000, () => this.peer.handle !== undefined && this.a.handle !== undefined);
    this.world.run(1000);
    if (options.nearWrap === true) this.#windOn();
    this.world.network.faults = faults;
    this.turns.length = 0;
    this.#base = cloneAssociationState(this.stateOf(this.a));
    this.heldSequence = this.#base.sequence;
  }

  stateOf(node: Node): AssociationState {
    const state = node.endpoint.state(node.handle ?? 0);
    if (state === undefined) throw new Error(`seed ${this.#options.seed}: the association is gone`);
    return state;
  }

  /** As if each stream had carried 65,530 messages. */
  #windOn(): void {
    const [one, other] = [this.stateOf(this.a), this.stateOf(this.peer)];
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      for (let streamId = 0; streamId < 4; streamId++) {
        from.send.streams.set(streamId, { ...emptyStream(from), nextSsn: 65_530, nextUnorderedMid: 3 });
        to.receive.nextSsn[streamId] = 65_530;
      }
    }
  }

  #drain(node: Node): void {
    const outputs = node.endpoint.takeOutputs();
    for (const { local, remote, bytes } of outputs.packets) {
      this.world.network.send({ from: local, to: remote, bytes }, this.world.nowMs);
    }
    for (const { update } of outputs.updates) {
      if (node === this.peer) this.sentByPeer.take(update);
      else if (node === this.a) this.sentByA.take(update);
      else this.#fold(update);
    }
    if (node === this.a && outputs.updates.length > 0) this.turns.push(outputs.updates);
    for (const delivery of outputs.deliveries) this.deliveries.push({ node, delivery });
    for (const { association, notification } of outputs.notifications) {
      this.told.push({ node, notification });
      if (notification.type !== "association-change") continue;
      if (notification.state === "comm-up") node.handle = association;
      node.events.push(`${notification.state} ${notification.reason}`);
    }
  }

  #fold(update: AssociationUpdate): void {
    const travelled = decodeUpdate(encodeUpdate(update));
    if (travelled === undefined || this.folded === undefined)
      throw new Error(`${update.kind} does not travel`);
    if (travelled.kind === "opened") this.folded = openState(travelled);
    else applyUpdate(this.folded, travelled);
  }

  /** B fails too, and another one goes on with all that it had; without terms under output commit. */
  takeOverAgain(b: Node, terms: ResumeTerms = {}): void {
    const state = cloneAssociationState(this.stateOf(b));
    b.endpoint = new Endpoint(b.config, seededRandom(this.#options.seed + 4));
    b.endpoint.resume(state, this.world.nowMs, terms);
    this.#drain(b);
  }

  /** B as it comes out of its own snapshot. */
  restore(b: Node): void {
    const snapshot = b.endpoint.snapshot();
    const decoded = decodeSnapshot(encodeSnapshot(snapshot), secretsOf(snapshot));
    if (!decoded.ok) throw new Error(decoded.reason);
    b.endpoint = Endpoint.restore(decoded.snapshot, b.config, seededRandom(this.#options.seed + 5));
  }

  dice(below: number): number {
    return this.#random.uint32() % below;
  }

  /** A message whose name nobody else has. */
  send(node: Node, more: { streamId?: number; unordered?: boolean; size?: number } = {}): string | undefined {
    const { streamId = 0, unordered = false, size = 40 } = more;
    const who = node === this.peer ? "P" : node === this.a ? "A" : "B";
    const name = `${who}${unordered ? "u" : "o"}${streamId}-${this.#sent++}`;
    const payload = new TextEncoder().encode(`${name}|`.padEnd(Math.max(size, name.length + 1), "."));
    const answer = node.endpoint.send(
      node.handle ?? 0,
      { streamId, ppid: 0, unordered, payload },
      this.world.nowMs,
    );
    this.#drain(node);
    if (answer === "accepted" && node === this.b) this.sentByB.push(name);
    return answer === "accepted" ? name : undefined;
  }

  /** A's state after so many turns. */
  stateAfter(turns: number): AssociationState {
    const state = cloneAssociationState(this.#base);
    for (const updates of this.turns.slice(0, turns)) {
      for (const { update } of updates) applyUpdate(state, update);
    }
    return state;
  }

  /** The lease that A holds: written after so many turns, with room for all that A has sent. */
  leaseAfter(turns: number): TsnLease {
    const written = this.stateAfter(turns);
    const used = (this.stateOf(this.a).send.nextTsn - written.send.nextTsn) | 0;
    return writeLease(written, Math.max(1, used) + (this.#options.spareTsns ?? 16));
  }

  /** A dies, and B goes on with its state of `lag` turns ago. */
  takeOver(lag: number, leaseLag: number, lostAddresses: readonly string[] = []): Node {
    const { world } = this;
    const lease = this.leaseAfter(Math.max(0, this.turns.length - leaseLag));
    const state = this.stateAfter(Math.max(0, this.turns.length - lag));
    this.heldSequence = state.sequence;
    this.nextTsnOfA = this.stateOf(this.a).send.nextTsn;
    this.receivedByA = cloneAssociationState(this.stateOf(this.a)).receive;
    const ledger = new Ledger();
    for (const turn of this.turns.slice(0, Math.max(0, this.turns.length - lag))) {
      for (const { update } of turn) ledger.take(update);
    }
    this.held = new Set(ledger.messages.map(({ text }) => text));
    this.tookOverAtMs = world.nowMs;
    world.network.cut(lostAddress);
    world.nodes.splice(world.nodes.indexOf(this.a), 1);
    const config = { ...this.a.config, ownAddress };
    const b = world.add(config, this.#options.seed + 3);
    this.b = b;
    const travelled = decodeUpdate(encodeUpdate({ kind: "opened", state }));
    if (travelled?.kind !== "opened") throw new Error("the state did not travel");
    this.folded = cloneAssociationState(travelled.state);
    b.handle = b.endpoint.resume(travelled.state, world.nowMs, { lag: { lease }, lostAddresses });
    this.#drain(b);
    return b;
  }

  /** Names of the messages that came whole to the peer's user. */
  toPeer(): string[] {
    return wholeMessages(
      this.deliveries.filter(({ node }) => node === this.peer).map((each) => each.delivery),
    );
  }

  /** The same for the cluster's: what A delivered after the state that B began with never was. */
  toCluster(): string[] {
    const held = this.deliveries.filter(
      ({ node, delivery }) => node === this.b || (node === this.a && delivery.sequence <= this.heldSequence),
    );
    return wholeMessages(held.map((each) => each.delivery));
  }

  reports(direction: "inbound" | "outbound"): LossReport[] {
    return this.told.flatMap(({ notification }) =>
      notification.type === "loss-report" && notification.direction === direction ? [notification] : [],
    );
  }

  isReported(direction: "inbound" | "outbound", tsns: readonly number[]): boolean {
    const within = (each: number, { firstTsn, lastTsn }: LossReport): boolean =>
      ((each - firstTsn) | 0) >= 0 && ((lastTsn - each) | 0) >= 0;
    return tsns.some((each) => this.reports(direction).some((report) => within(each, report)));
  }

  steps(): string[] {
    return this.told.flatMap(({ notification }) =>
      notification.type === "recovery-step" ? [notification.step] : [],
    );
  }
}

const emptyStream = (
  state: AssociationState,
): { queue: never; nextSsn: number; nextUnorderedMid: number } => {
  const probe = cloneAssociationState(state);
  applyUpdate(probe, {
    kind: "messageQueued",
    streamId: 0,
    ppid: 0,
    unordered: false,
    immediate: false,
    payload: new Uint8Array(1),
    terms: {},
  });
  const stream = probe.send.streams.get(0);
  stream?.queue.clear();
  return stream as never;
};

/** Tags and TSNs of set-up come out close below 2^32. */
function nearWrapRandom(seed: number): RandomSource {
  const inner = seededRandom(seed);
  let draws = 0;
  return {
    uint32: () => (draws++ < 2 ? tsn(0xffff_fff0 - (inner.uint32() % 200)) : inner.uint32()),
    bytes: (length) => inner.bytes(length),
  };
}
