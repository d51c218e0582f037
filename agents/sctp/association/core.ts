import { assert } from "../base/assert.ts";
import type { ProtocolParameters } from "../base/parameters.ts";
import type { RandomSource } from "../base/random.ts";
import type { FlightState } from "../tx/flight.ts";
import { Flight } from "../tx/flight.ts";
import type { Path } from "../path/path.ts";
import { clonePath, createPath } from "../path/path.ts";
import { Reassembly } from "../rx/reassembly.ts";
import type { SackSchedulerState } from "../rx/sack-scheduler.ts";
import { SackScheduler } from "../rx/sack-scheduler.ts";
import { Deadlines } from "../timer/deadlines.ts";
import type { Chunk } from "../wire/index.ts";
import { chunkLength } from "../wire/index.ts";
import type { AssociationOutputs, Notification, PacketReason } from "./outputs.ts";
import { emptyOutputs } from "./outputs.ts";
import type { AssociationPhase, AssociationState } from "./state.ts";
import { cloneAssociationState } from "./state.ts";
import type { AssociationUpdate } from "./updates.ts";
import { applyUpdate } from "./updates.ts";

const commonHeaderBytes = 12;

export type TimerName =
  | "t1-cookie"
  | "t2-shutdown"
  | "t5-guard"
  | "sack"
  | `t3 ${string}`
  | `heartbeat ${string}`;

/** The two ends of one packet's way. */
export interface Route {
  readonly local: string;
  readonly remote: string;
}

/** A chunk that waits for the next flush. */
export interface PendingControl {
  readonly chunk: Chunk;
  readonly route: Route;
  readonly reason: PacketReason;
  readonly dependsOn: number;
}

/** All of an association at an instant; a value, independent of the association that it was taken from. */
export interface AssociationSnapshot {
  readonly state: AssociationState;
  readonly localAddress: string;
  readonly sources: readonly string[];
  readonly replyRoute: Route;
  readonly peerWindowBytes: number;
  readonly advertisedBytes: number;
  readonly windowClosed: boolean;
  readonly errorCount: number;
  readonly receivedSequence: number;
  readonly phaseSequence: number;
  readonly fastRetransmitPending: boolean;
  readonly shutdownPath: string | undefined;
  readonly paths: readonly Path[];
  readonly flight: FlightState;
  readonly sack: SackSchedulerState;
  readonly deadlines: readonly (readonly [TimerName, number])[];
  readonly control: readonly PendingControl[];
}

/**
 * What the handlers of one association share: the replicated state, which changes only through
 * `change`, and beside it everything that may start afresh on another computer.
 */
export class AssociationCore {
  readonly parameters: ProtocolParameters;
  readonly random: RandomSource;
  readonly state: AssociationState;
  readonly flight: Flight = new Flight();
  readonly sack: SackScheduler;
  readonly reassembly: Reassembly;
  readonly deadlines: Deadlines<TimerName> = new Deadlines<TimerName>();
  readonly paths: Map<string, Path> = new Map<string, Path>();
  readonly control: PendingControl[] = [];
  /** Source address of what we start, as long as the peer has not sent to another one of ours. */
  readonly localAddress: string;
  /** Our addresses from which packets can leave, of which another computer may own some. */
  sources: readonly string[];
  /** Where the last DATA came in: a SACK goes back there (RFC 9260 section 6.4). */
  replyRoute: Route;
  /** The peer's advertised window less what is in flight. */
  peerWindowBytes: number;
  /** The window that our last SACK advertised. */
  advertisedBytes: number;
  /** A SACK with a closed window came since T3 last expired: a lost probe is no error (section 6.1, rule A). */
  windowClosed: boolean = false;
  /** Consecutive errors over all paths (RFC 9260 section 8.1). */
  errorCount: number = 0;
  /** Number of the last update about received data: what a SACK depends on. */
  receivedSequence: number = 0;
  /** Number of the last update about the phase: what set-up and shutdown chunks depend on. */
  phaseSequence: number = 0;
  /** Address that SHUTDOWN or SHUTDOWN ACK last went to. */
  shutdownPath: string | undefined;
  /** The next retransmission may leave whatever the window says (section 7.2.4). */
  fastRetransmitPending: boolean = false;
  #answerBytes: number = 0;
  #outputs: AssociationOutputs = emptyOutputs();

  constructor(
    state: AssociationState,
    localAddress: string,
    parameters: ProtocolParameters,
    random: RandomSource,
  ) {
    this.state = state;
    this.parameters = parameters;
    this.random = random;
    this.localAddress = localAddress;
    this.sources = [localAddress];
    this.replyRoute = { local: localAddress, remote: state.primaryAddress };
    this.peerWindowBytes = state.agreement.peerWindowBytes;
    this.advertisedBytes = parameters.receiveBufferBytes;
    this.sack = new SackScheduler(parameters.sackFrequency);
    this.reassembly = new Reassembly(state.receive);
    for (const address of state.agreement.peerAddresses) {
      const confirmed = state.confirmedAddresses.has(address);
      this.paths.set(address, createPath(address, confirmed, state.agreement.peerWindowBytes, parameters));
    }
  }

  get primaryPath(): Path {
    return this.path(this.state.primaryAddress);
  }

  get allPaths(): readonly Path[] {
    return [...this.paths.values()];
  }

  path(address: string): Path {
    const path = this.paths.get(address);
    assert(path !== undefined, "an association has a path for each peer address");
    return path;
  }

  /** The only way to change the replicated state; answers the number of the update. */
  change(update: AssociationUpdate): number {
    applyUpdate(this.state, update);
    this.#outputs.updates.push({ sequence: this.state.sequence, update });
    return this.state.sequence;
  }

  enterPhase(phase: AssociationPhase): void {
    this.phaseSequence = this.change({ kind: "phaseEntered", phase });
  }

  /** Records an update that was already applied: the opening of the association. */
  recordOpening(update: Extract<AssociationUpdate, { kind: "opened" }>): void {
    const { sequence } = this.state;
    assert(sequence === update.state.sequence + 1, "the opening is the first update");
    this.#outputs.updates.push({ sequence, update });
    this.phaseSequence = sequence;
  }

  /** A packet of the peer is about to be processed. */
  startPacket(): void {
    this.#answerBytes = 0;
  }

  /**
   * Queues an answer to a chunk of the packet that is being processed. All answers to one packet take
   * one packet at most, or a single large one: more than comes in never goes out.
   */
  answer(pending: PendingControl): void {
    const length = chunkLength(pending.chunk);
    const fits = this.#answerBytes + length <= this.parameters.packetSizeBytes - commonHeaderBytes;
    if (this.#answerBytes > 0 && !fits) return;
    this.#answerBytes += length;
    this.control.push(pending);
  }

  notify(notification: Notification): void {
    this.#outputs.notifications.push(notification);
  }

  get outputs(): AssociationOutputs {
    return this.#outputs;
  }

  takeOutputs(): AssociationOutputs {
    const outputs = this.#outputs;
    this.#outputs = emptyOutputs();
    return outputs;
  }

  /** A path of the peer, from the address of ours that last worked with it. */
  routeTo(path: Path): Route {
    return { local: path.heardAt ?? this.localAddress, remote: path.address };
  }

  /** Back to where the DATA came from, unless the peer has not proved that it is there (sections 5.4 and 6.4). */
  get sackRoute(): Route {
    return this.path(this.replyRoute.remote).confirmed ? this.replyRoute : this.routeTo(this.primaryPath);
  }

  /** Nothing comes back on a path: the next packets there leave from another address of ours, if there is one. */
  changeSource(path: Path): void {
    if (this.sources.length < 2) return;
    const at = this.sources.indexOf(path.heardAt ?? this.localAddress);
    path.heardAt = this.sources[(at + 1) % this.sources.length];
  }

  useSources(sources: readonly string[]): void {
    this.sources = sources;
    for (const path of this.paths.values()) {
      if (path.heardAt !== undefined && !sources.includes(path.heardAt)) path.heardAt = undefined;
    }
  }

  snapshot(): AssociationSnapshot {
    const { updates, packets, deliveries, notifications } = this.#outputs;
    const pending = updates.length + packets.length + deliveries.length + notifications.length;
    assert(pending === 0, "outputs are taken before a snapshot");
    return {
      state: cloneAssociationState(this.state),
      localAddress: this.localAddress,
      sources: this.sources,
      replyRoute: this.replyRoute,
      peerWindowBytes: this.peerWindowBytes,
      advertisedBytes: this.advertisedBytes,
      windowClosed: this.windowClosed,
      errorCount: this.errorCount,
      receivedSequence: this.receivedSequence,
      phaseSequence: this.phaseSequence,
      fastRetransmitPending: this.fastRetransmitPending,
      shutdownPath: this.shutdownPath,
      paths: this.allPaths.map(clonePath),
      flight: this.flight.snapshot(),
      sack: this.sack.snapshot(),
      deadlines: this.deadlines.snapshot(),
      control: [...this.control],
    };
  }

  static restore(
    snapshot: AssociationSnapshot,
    parameters: ProtocolParameters,
    random: RandomSource,
  ): AssociationCore {
    const state = cloneAssociationState(snapshot.state);
    const core = new AssociationCore(state, snapshot.localAddress, parameters, random);
    core.sources = snapshot.sources;
    core.replyRoute = snapshot.replyRoute;
    core.peerWindowBytes = snapshot.peerWindowBytes;
    core.advertisedBytes = snapshot.advertisedBytes;
    core.windowClosed = snapshot.windowClosed;
    core.errorCount = snapshot.errorCount;
    core.receivedSequence = snapshot.receivedSequence;
    core.phaseSequence = snapshot.phaseSequence;
    core.fastRetransmitPending = snapshot.fastRetransmitPending;
    core.shutdownPath = snapshot.shutdownPath;
    core.paths.clear();
    for (const path of snapshot.paths) core.paths.set(path.address, clonePath(path));
    core.flight.restore(snapshot.flight);
    core.sack.restore(snapshot.sack);
    core.deadlines.restore(snapshot.deadlines);
    core.control.push(...snapshot.control);
    return core;
  }
}
