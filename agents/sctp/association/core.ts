import { assert } from "../base/assert.ts";
import type { ProtocolParameters } from "../base/parameters.ts";
import type { RandomSource } from "../base/random.ts";
import type { Tsn } from "../base/serial.ts";
import { tsnAdd, tsnLessOrEqual } from "../base/serial.ts";
import type { Transmission } from "../tx/flight.ts";
import { Flight } from "../tx/flight.ts";
import { Scheduler } from "../tx/scheduler.ts";
import type { MessageTerms, OutstandingChunk } from "../tx/send-state.ts";
import { assignTsn, enqueue } from "../tx/send-state.ts";
import type { Path } from "../path/path.ts";
import { changeRoute, createPath } from "../path/path.ts";
import { Reassembly } from "../rx/reassembly.ts";
import { ReceiveWindow } from "../rx/receive-window.ts";
import { SackScheduler } from "../rx/sack-scheduler.ts";
import { Deadlines } from "../timer/deadlines.ts";
import type { Chunk, PacketArena } from "../wire/index.ts";
import { chunkLength, commonHeaderBytes } from "../wire/index.ts";
import { isUnsettled } from "./asconf-state.ts";
import type { EcnState } from "./ecn-state.ts";
import { noEcn } from "./ecn-state.ts";
import type { ForwardTsnSent } from "./forward-tsn-state.ts";
import { noForwardTsn } from "./forward-tsn-state.ts";
import { AbandonmentCounter } from "./abandoned-messages.ts";
import { Authenticator } from "./authenticator.ts";
import type { KeyRingSnapshot } from "./key-ring.ts";
import { KeyRing } from "./key-ring.ts";
import type { Recovery } from "./recovery-state.ts";
import type { Notification, Outputs, PacketReason, Route } from "./outputs.ts";
import type { AssociationPhase, AssociationState } from "./state.ts";
import type { AssociationUpdate } from "./updates.ts";
import { applyUpdate } from "./updates.ts";

/** RFC 5061 section 4.1.1: these are never sent without AUTH. */
const asconfType = 0xc1;
const asconfAckType = 0x80;

export type TimerName =
  | "t1-cookie"
  | "t2-shutdown"
  | "t5-guard"
  | "sack"
  | "asconf"
  | "window-probe"
  | "reconfiguration"
  | "probe"
  | "peer-reset"
  | `t3 ${string}`
  | `heartbeat ${string}`
  | `mtu ${string}`;

/** An ordered message that was given up, and the new cumulative TSN that said so. */
export interface SkipMeanwhile {
  readonly ssn: number;
  readonly tsn: Tsn;
}

/** How an outstanding chunk fares on the paths of its association. */
export type PathTransmission = Transmission<Path>;

/** A chunk that waits for the next flush. */
export interface PendingControl {
  readonly chunk: Chunk;
  readonly route: Route;
  readonly reason: PacketReason;
  readonly dependsOn: number;
}

/** What an association gets from its endpoint. */
export interface AssociationSetting {
  /** Our address from which it sends what it starts. */
  readonly localAddress: string;
  readonly parameters: ProtocolParameters;
  readonly random: RandomSource;
  readonly outputs: Outputs;
  readonly arena: PacketArena;
  /** Whether updates are handed out; without that nobody can follow the association. */
  readonly describesUpdates: boolean;
  /** Whether deliveries fill the receive window until the user says that it has consumed them. */
  readonly holdsDeliveries: boolean;
  /** Shared keys to begin with (RFC 4895). */
  readonly keys?: KeyRingSnapshot;
}

/** What waits behind this TSN may be the first of a flow: all but what came before the cumulative TSN was moved. */
function firstToAdopt({ receive }: AssociationState): Tsn {
  const fromTsn = receive.adopted?.fromTsn ?? receive.cumulativeTsn;
  let lowest = receive.cumulativeTsn;
  for (const tsn of receive.buffered.keys()) if (tsnLessOrEqual(tsn, lowest)) lowest = tsnAdd(tsn, -1);
  return tsnLessOrEqual(fromTsn, lowest) ? lowest : fromTsn;
}

/**
 * What the handlers of one association share: the replicated state, which changes only through
 * `change`, and beside it everything that may start afresh on another computer.
 */
export class AssociationCore {
  readonly handle: number;
  readonly random: RandomSource;
  readonly state: AssociationState;
  readonly outputs: Outputs;
  readonly arena: PacketArena;
  readonly holdsDeliveries: boolean;
  readonly flight: Flight<Path>;
  readonly scheduler: Scheduler;
  readonly sack: SackScheduler;
  readonly reassembly: Reassembly;
  readonly deadlines: Deadlines<TimerName> = new Deadlines<TimerName>();
  readonly paths: Map<string, Path> = new Map<string, Path>();
  /** The values of `paths`, at hand. */
  allPaths: readonly Path[] = [];
  readonly control: PendingControl[] = [];
  /** Source address of what we start, as long as the peer has not sent to another one of ours. */
  readonly localAddress: string;
  parameters: ProtocolParameters;
  /** Instant of the last input, in milliseconds: when the waiting packets are made. */
  nowMs: number = 0;
  /** Our addresses from which packets can leave, of which another computer may own some. */
  sources: readonly string[];
  /** Where the last DATA came in: a SACK goes back there (RFC 9260 section 6.4). */
  replyRoute: Route;
  /** The window that the peer advertised last; what is in flight is still to be taken off it. */
  peerAdvertisedBytes: number;
  readonly window: ReceiveWindow;
  /** A SACK with a closed window came since T3 last expired: a lost probe is no error (section 6.1, rule A). */
  windowClosed: boolean = false;
  /** Window probes in a row: their distance doubles. */
  windowProbes: number = 0;
  /** The window may be probed now. */
  probeAllowed: boolean = false;
  /** Consecutive errors over all paths (RFC 9260 section 8.1). */
  errorCount: number = 0;
  /** Number of the last update about received data: what a SACK depends on. */
  receivedSequence: number = 0;
  /** Number of the last update about the phase: what set-up and shutdown chunks depend on. */
  phaseSequence: number = 0;
  /** Address that SHUTDOWN or SHUTDOWN ACK last went to. */
  shutdownPath: string | undefined;
  /** Fast Recovery lasts until this TSN is acknowledged (section 7.2.4). */
  fastRecoveryExit: Tsn | undefined;
  /** The next retransmission may leave whatever the window says (section 7.2.4). */
  fastRetransmitPending: boolean = false;
  /** `send` answered `queue-full`, and the user waits for room. */
  sendBlocked: boolean = false;
  /** The peer is to be told what was given up (RFC 3758 section 3.5). */
  forwardTsnDue: boolean = false;
  forwardTsn: ForwardTsnSent = noForwardTsn;
  readonly abandonedMessages: AbandonmentCounter = new AbandonmentCounter();
  ecn: EcnState = noEcn;
  /** When a HEARTBEAT last went to an address that is not confirmed. */
  probedAtMs: number = Number.NEGATIVE_INFINITY;
  /** Undefined where nothing is authenticated. */
  readonly authenticator: Authenticator | undefined;
  readonly keys: KeyRing;
  /** The re-configuration request in flight is to be sent (again). */
  requestDue: boolean = false;
  /** The peer said that it is at work on the request: its silence is no error (RFC 6525 section 5.2.7, H2). */
  requestInProgress: boolean = false;
  /** While an SSN/TSN reset of ours is in flight: the last ordered message of each stream that was delivered, and its TSN. */
  deliveredMeanwhile: Map<number, Tsn> | undefined;
  /** The same for what FORWARD TSN listed last of each stream: perhaps by the numbering that is not known yet. */
  readonly skippedMeanwhile: Map<number, SkipMeanwhile> = new Map<number, SkipMeanwhile>();
  /** Address that the request last went to. */
  requestPath: string | undefined;
  /** The ASCONF in flight is to be sent (again). */
  asconfDue: boolean = false;
  /** Address that it last went to. */
  asconfPath: string | undefined;
  /** Addresses of ours that were deleted, and how long what left there before may be answered out of the blue. */
  readonly leftUntilMs: Map<string, number> = new Map<string, number>();
  /** Addresses of ours at which nobody is any more and of which the peer is still to hear. */
  lostAddresses: readonly string[] = [];
  /** What was received after this update came to the address of who goes on. */
  lostSinceSequence: number = 0;
  /** Address that the peer wants to be the primary one, and that is not confirmed yet. */
  wantedPrimary: string | undefined;
  /** Only where this instance began with an older state. */
  recovery: Recovery | undefined;
  /** Why the peer is to be called again: the association cannot go on in another way. */
  restartWanted: string | undefined;
  /** Up to here it was seen to that flows without numbers go on with what came (`adoptReceived`). */
  adoptedUpTo: Tsn;
  /** Packets with DATA that may leave in the next flush: Max.Burst for each event that allows some. */
  burstPackets: number = 0;
  readonly #describesUpdates: boolean;
  #answerBytes: number = 0;

  constructor(state: AssociationState, setting: AssociationSetting) {
    const { parameters, localAddress } = setting;
    this.handle = state.agreement.localTag;
    this.state = state;
    this.parameters = parameters;
    this.random = setting.random;
    this.outputs = setting.outputs;
    this.arena = setting.arena;
    this.#describesUpdates = setting.describesUpdates;
    this.holdsDeliveries = setting.holdsDeliveries;
    this.localAddress = localAddress;
    this.sources = [localAddress];
    this.replyRoute = { local: localAddress, remote: state.primaryAddress };
    this.peerAdvertisedBytes = state.agreement.peerWindowBytes;
    this.window = new ReceiveWindow(parameters.receiveBufferBytes);
    this.window.holdsDeliveries = setting.holdsDeliveries;
    this.flight = new Flight<Path>(state.send.interleaving);
    this.scheduler = new Scheduler(parameters.scheduler, state.send.interleaving);
    this.scheduler.setValues(parameters.streamValues);
    this.scheduler.resume(state.send);
    this.sack = new SackScheduler(parameters.sackFrequency);
    this.reassembly = new Reassembly(state.receive);
    for (const address of state.agreement.peerAddresses) {
      const path = createPath(address, state.confirmedAddresses.has(address), parameters);
      path.remotePort = state.encapsulationPorts.get(address);
      this.paths.set(address, path);
    }
    this.allPaths = [...this.paths.values()];
    this.adoptedUpTo = firstToAdopt(state);
    const keys = setting.keys ?? new KeyRing().snapshot();
    this.keys = KeyRing.restore({ ...keys, activeKeyId: state.activeKeyId });
    const { authentication, extensions } = state.agreement;
    const always = extensions.addressReconfiguration ? [asconfType, asconfAckType] : [];
    this.authenticator = authentication && new Authenticator(authentication, this.keys, always);
  }

  /** Bytes that an AUTH chunk takes in front of a chunk of this type; 0 where the peer wants none. */
  authenticationBytes(chunkType: number): number {
    const { authenticator } = this;
    return authenticator?.peerRequires(chunkType) === true ? authenticator.chunkBytes : 0;
  }

  get primaryPath(): Path {
    return this.path(this.state.primaryAddress);
  }

  path(address: string): Path {
    const path = this.paths.get(address);
    assert(path !== undefined, "an association has a path for each peer address");
    return path;
  }

  /** The only way to change the replicated state; answers the number of the update. */
  change(update: AssociationUpdate): number {
    applyUpdate(this.state, update);
    return this.#describe(update);
  }

  #describe(update: AssociationUpdate): number {
    const { sequence } = this.state;
    if (this.#describesUpdates) this.outputs.updates.push({ sequence, update, association: this.handle });
    return sequence;
  }

  /** The update that is made for each fragment; without anybody to hear of it no update is written down. */
  assignTsn(streamId: number, lengthBytes: number): OutstandingChunk {
    const { state } = this;
    const tsn = state.send.nextTsn;
    state.sequence += 1;
    const chunk = assignTsn(state.send, tsn, streamId, lengthBytes);
    if (this.#describesUpdates) this.#describe({ kind: "tsnAssigned", tsn, streamId, lengthBytes });
    return chunk;
  }

  /** The update that is made for each message, likewise. */
  queueMessage(
    streamId: number,
    ppid: number,
    unordered: boolean,
    immediate: boolean,
    payload: Uint8Array,
    terms: MessageTerms,
  ): void {
    this.state.sequence += 1;
    enqueue(this.state.send, streamId, ppid, unordered, immediate, payload, terms);
    if (!this.#describesUpdates) return;
    this.#describe({ kind: "messageQueued", streamId, ppid, unordered, immediate, payload, terms });
  }

  enterPhase(phase: AssociationPhase): void {
    this.phaseSequence = this.change({ kind: "phaseEntered", phase });
  }

  /** Records an update that was already applied: the opening of the association. */
  recordOpening(update: Extract<AssociationUpdate, { kind: "opened" }>): void {
    const { sequence } = this.state;
    assert(sequence === update.state.sequence + 1, "the opening is the first update");
    this.phaseSequence = this.#describe(update);
  }

  /** A packet of the peer is about to be processed. */
  startPacket(): void {
    this.#answerBytes = 0;
  }

  /** Something happened that allows a burst of DATA (section 6.1, rule D). */
  grantBurst(packets: number = this.parameters.maxBurst): void {
    this.burstPackets += packets;
  }

  /** The same where a packet or a timer brought it about, which may have allowed a burst already. */
  ensureBurst(): void {
    this.burstPackets = Math.max(this.burstPackets, this.parameters.maxBurst);
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
    this.outputs.notifications.push({ association: this.handle, notification });
  }

  /** A path of the peer, from the address of ours that last worked with it. */
  routeTo(path: Path): Route {
    const local = path.heardAt ?? this.#sourceFor(path);
    return { local, remote: path.address, remotePort: path.remotePort };
  }

  /** An address of ours of the same family, the own one if it is still ours. */
  #sourceFor({ address }: Path): string {
    const fits = (local: string): boolean => local.includes(":") === address.includes(":");
    const { localAddress, sources, state } = this;
    if (sources.includes(localAddress) && fits(localAddress)) return localAddress;
    return sources.find(fits) ?? state.agreement.localAddresses.find(fits) ?? localAddress;
  }

  /** Back to where the DATA came from, unless the peer has not proved that it is there (sections 5.4 and 6.4). */
  get sackRoute(): Route {
    const path = this.paths.get(this.replyRoute.remote);
    return path?.confirmed === true ? this.leaving(this.replyRoute) : this.routeTo(this.primaryPath);
  }

  /** The route, from another address of ours where nothing leaves from this one. */
  leaving(route: Route): Route {
    if (this.mayLeaveFrom(route.local)) return route;
    const path = this.paths.get(route.remote);
    return { ...route, local: this.routeTo(path ?? this.primaryPath).local };
  }

  /** Nothing but ASCONF leaves from an address of ours that is being added or deleted, or that went (RFC 5061 section 5.3, F1 and F4). */
  mayLeaveFrom(local: string): boolean {
    const { agreement, asconf } = this.state;
    if (!agreement.extensions.addressReconfiguration) return true;
    return !isUnsettled(asconf, local) && agreement.localAddresses.includes(local);
  }

  /** Packets to this path leave from another address of ours now: its congestion control begins anew (section 7.2.5.2). */
  sendFrom(path: Path, local: string | undefined): void {
    const before = this.routeTo(path).local;
    path.heardAt = local;
    changeRoute(path, before, this.routeTo(path).local);
  }

  /**
   * Nothing comes back on a path: the next packets there leave from another address of ours, if there is one. Not
   * where that was changed since: what is lost had left from the address before, and two timers would turn it back.
   */
  changeSource(path: Path, from?: string): void {
    if (this.sources.length < 2 || (from !== undefined && from !== this.routeTo(path).local)) return;
    const at = this.sources.indexOf(path.heardAt ?? this.localAddress);
    this.sendFrom(path, this.sources[(at + 1) % this.sources.length]);
  }

  useSources(sources: readonly string[]): void {
    const before = this.allPaths.map((path) => this.routeTo(path).local);
    this.sources = sources;
    for (const [index, path] of this.allPaths.entries()) {
      if (path.heardAt !== undefined && !sources.includes(path.heardAt)) path.heardAt = undefined;
      changeRoute(path, before[index] ?? this.localAddress, this.routeTo(path).local);
    }
  }
}
