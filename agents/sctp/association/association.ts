import { unreachable } from "../base/assert.ts";
import type { ProtocolParameters } from "../base/parameters.ts";
import type { MessageTerms } from "../tx/send-state.ts";
import { plainTerms } from "../tx/send-state.ts";
import type { Cause, Chunk } from "../wire/index.ts";
import { chunkAction, writeChunk } from "../wire/index.ts";
import { abort, close, giveUp, reasonText } from "./abort.ts";
import type { AssociationSetting, AssociationSnapshot, TimerName } from "./core.ts";
import { AssociationCore } from "./core.ts";
import { echoCookie, repeatCookie } from "./cookie-echo.ts";
import type { KeyChange } from "./keys.ts";
import { admit, changeKeys } from "./keys.ts";
import type { KeyReply } from "./key-ring.ts";
import { packetWasMarked, receiveCwr, receiveEcne } from "./ecn.ts";
import { withdraw } from "./hand-over.ts";
import { heartbeatDue, receiveHeartbeat, receiveHeartbeatAck, startHeartbeats } from "./heartbeat.ts";
import { deliverWhatIsReady } from "./deliver.ts";
import { consumed, packetWithDataDone, receiveData } from "./on-data.ts";
import { knowsForwardTsn, receiveForwardTsn } from "./on-forward-tsn.ts";
import type { IcmpReport } from "./on-icmp.ts";
import { receiveIcmp } from "./on-icmp.ts";
import { finishDeferredReset, receiveReconfiguration } from "./on-reconfiguration.ts";
import { receiveSack } from "./on-sack.ts";
import type { OutgoingMessage, SendAnswer } from "./outgoing-message.ts";
import type { Route } from "./outputs.ts";
import { makeRoom } from "./partial-reliability.ts";
import { mtuProbeDue, startMtuSearch } from "./path-mtu.ts";
import type { WantedReconfiguration } from "./reconfiguration-state.ts";
import type { ReconfigurationReply } from "./reconfiguration.ts";
import { reconfigurationTimedOut, requestReconfiguration, resumeReconfiguration } from "./reconfiguration.ts";
import type { PathChange } from "./settings.ts";
import { configureAssociation, configurePath, requestHeartbeat, setPrimary } from "./settings.ts";
import {
  beginShutdown,
  dataWhileShuttingDown,
  mayReceiveData,
  receiveShutdown,
  receiveShutdownAck,
  receiveShutdownComplete,
  repeatShutdown,
  repeatShutdownAck,
  resumeShutdown,
} from "./shutdown.ts";
import type { AssociationPhase, AssociationState } from "./state.ts";
import type { AssociationStatistics } from "./statistics.ts";
import { associationStatistics } from "./statistics.ts";
import { retransmissionDue } from "./time-outs.ts";
import { flush } from "./transmit.ts";
import { openState } from "./updates.ts";

/**
 * One SCTP association after INIT and INIT ACK (RFC 9260). A function of packets, calls and time: each
 * call puts what is to be done into the endpoint's outputs; packets are made by `flush`.
 */
export class Association {
  readonly #core: AssociationCore;

  private constructor(core: AssociationCore) {
    this.#core = core;
  }

  /**
   * A new association out of what both sides agreed; its first update has the number after the one of
   * `state`, which is not used further by us. Where it was opened by COOKIE ECHO, `cookieRoute` says
   * where COOKIE ACK goes, first of all.
   */
  static open(
    state: AssociationState,
    setting: AssociationSetting,
    nowMs: number,
    cookieRoute?: Route,
  ): Association {
    const update = { kind: "opened", state } as const;
    const core = new AssociationCore(openState(update), setting);
    core.nowMs = nowMs;
    core.grantBurst();
    core.recordOpening(update);
    const association = new Association(core);
    if (cookieRoute !== undefined) association.#addCookieAck(cookieRoute);
    if (state.phase === "cookie-echoed") echoCookie(core, nowMs);
    else association.#becomeEstablished(nowMs);
    return association;
  }

  /**
   * Goes on with an association that another computer had: sends again at once, from our own address,
   * everything that the peer has not acknowledged, and tells the peer what we hold.
   */
  static resume(state: AssociationState, setting: AssociationSetting, nowMs: number): Association {
    const core = new AssociationCore(state, setting);
    core.nowMs = nowMs;
    core.grantBurst();
    for (const chunk of state.send.outstanding) {
      const transmission = core.flight.add(chunk, 0);
      if (!chunk.abandoned) core.flight.markForRetransmission(transmission, "takeover");
      else core.forwardTsnDue = true;
    }
    const association = new Association(core);
    if (state.phase === "cookie-echoed") echoCookie(core, nowMs);
    else {
      startHeartbeats(core, nowMs);
      for (const path of core.allPaths) startMtuSearch(core, path, nowMs);
    }
    deliverWhatIsReady(core);
    resumeReconfiguration(core);
    resumeShutdown(core, nowMs);
    core.sack.makeDue();
    return association;
  }

  static restore(snapshot: AssociationSnapshot, setting: AssociationSetting): Association {
    return new Association(AssociationCore.restore(snapshot, setting));
  }

  snapshot(): AssociationSnapshot {
    return this.#core.snapshot();
  }

  get phase(): AssociationPhase {
    return this.#core.state.phase;
  }

  /** The replicated state; read it, never change it. */
  get state(): AssociationState {
    return this.#core.state;
  }

  statistics(): AssociationStatistics {
    return associationStatistics(this.#core);
  }

  nextDeadlineMs(): number | undefined {
    return this.#core.deadlines.earliestMs();
  }

  /** Makes the packets that may leave after all that happened since the last time. */
  flush(): void {
    flush(this.#core);
  }

  /** Chunks of one packet whose tag and checksum were found good, in their order. */
  receive(
    chunks: readonly Chunk[],
    route: Route,
    nowMs: number,
    congestionExperienced: boolean = false,
  ): void {
    const core = this.#core;
    let withData = false;
    let sackAtOnce = false;
    let withSack = false;
    let withForwardTsn = false;
    core.nowMs = nowMs;
    core.startPacket();
    core.grantBurst();
    this.#heardFrom(chunks, route);
    for (const chunk of chunks) {
      if (core.state.phase === "closed") break;
      if (chunk.type === "DATA" || chunk.type === "I_DATA") {
        if (!mayReceiveData(core.state.phase)) continue;
        withData = true;
        sackAtOnce = receiveData(core, chunk, route) || sackAtOnce;
      } else if ((chunk.type === "FORWARD_TSN" || chunk.type === "I_FORWARD_TSN") && knowsForwardTsn(core)) {
        // As with SACK, one says everything.
        if (withForwardTsn || !mayReceiveData(core.state.phase)) continue;
        withForwardTsn = true;
        withData = true;
        sackAtOnce = receiveForwardTsn(core, chunk, route) || sackAtOnce;
      } else if (chunk.type === "SACK") {
        // One says everything; to process hundreds in a packet would only cost time.
        if (!withSack && core.state.phase !== "cookie-echoed") receiveSack(core, chunk, route, nowMs);
        withSack = true;
      } else if (!this.#receiveControl(chunk, route, nowMs)) break;
    }
    if (congestionExperienced) {
      const first = chunks.find((chunk) => chunk.type === "DATA" || chunk.type === "I_DATA");
      if (first !== undefined) packetWasMarked(core, first.tsn);
    }
    if (withData && core.state.phase !== "closed") {
      packetWithDataDone(core, sackAtOnce || core.state.phase === "shutdown-sent", nowMs);
      dataWhileShuttingDown(core, nowMs);
      finishDeferredReset(core, core.sackRoute);
    }
  }

  /** HEARTBEATs go everywhere; anything else shows which of our addresses the peer uses. */
  #heardFrom(chunks: readonly Chunk[], route: Route): void {
    const core = this.#core;
    const path = core.path(route.remote);
    const type = chunks[0]?.type;
    if (chunks.length > 1 || (type !== "HEARTBEAT" && type !== "HEARTBEAT_ACK")) path.heardAt = route.local;
    const port = route.remotePort;
    if (port === undefined || port === path.remotePort) return;
    path.remotePort = port;
    core.change({ kind: "encapsulationPortLearned", address: path.address, port });
  }

  /** Answers whether the rest of the packet is to be processed. */
  #receiveControl(
    chunk: Exclude<Chunk, { type: "DATA" | "I_DATA" | "SACK" }>,
    route: Route,
    nowMs: number,
  ): boolean {
    const core = this.#core;
    switch (chunk.type) {
      case "HEARTBEAT":
        receiveHeartbeat(core, chunk, route);
        return true;
      case "HEARTBEAT_ACK":
        receiveHeartbeatAck(core, chunk, nowMs);
        return true;
      case "COOKIE_ACK":
        this.#cookieAcknowledged(nowMs);
        return true;
      case "RE_CONFIG":
        if (!core.state.agreement.extensions.streamReconfiguration)
          return this.#unknownChunk(130, chunk, route);
        if (core.state.phase !== "cookie-echoed") receiveReconfiguration(core, chunk, route);
        return true;
      case "ECNE":
        receiveEcne(core, chunk, route);
        return true;
      case "CWR":
        receiveCwr(core, chunk);
        return true;
      case "SHUTDOWN":
        receiveShutdown(core, chunk, route, nowMs);
        return true;
      case "SHUTDOWN_ACK":
        receiveShutdownAck(core, route);
        return true;
      case "SHUTDOWN_COMPLETE":
        receiveShutdownComplete(core);
        return true;
      case "ABORT":
        this.#aborted(causeNames(chunk.causes));
        return false;
      case "ERROR":
        this.#errorReported(causeNames(chunk.causes));
        return true;
      case "UNKNOWN":
        return this.#unknownChunk(chunk.typeNumber, chunk, route);
      case "INIT":
      case "INIT_ACK":
      case "COOKIE_ECHO":
      case "PAD":
        return true;
      case "FORWARD_TSN":
      case "AUTH":
      case "ASCONF":
      case "ASCONF_ACK":
      case "I_FORWARD_TSN":
        // Not announced in our INIT, so the peer has to take them for unknown to us (section 3.2).
        return this.#unknownChunk(writeChunk(chunk)[0] ?? 0, chunk, route);
      default:
        return unreachable(chunk);
    }
  }

  #unknownChunk(typeNumber: number, chunk: Chunk, route: Route): boolean {
    const action = chunkAction(typeNumber);
    if (action.report) {
      // A chunk that would not fit into the answer is reported by its beginning.
      const value = writeChunk(chunk).slice(0, this.#core.parameters.packetSizeBytes - 64);
      const cause = { type: "UNRECOGNIZED_CHUNK_TYPE", code: 6, value } as const;
      this.#core.answer({
        chunk: { type: "ERROR", causes: [cause] },
        route,
        reason: "error",
        dependsOn: 0,
      });
    }
    return action.skip;
  }

  #cookieAcknowledged(nowMs: number): void {
    if (this.#core.state.phase !== "cookie-echoed") return;
    this.#core.deadlines.clear("t1-cookie");
    this.#core.errorCount = 0;
    this.#core.enterPhase("established");
    this.#becomeEstablished(nowMs);
  }

  #becomeEstablished(nowMs: number): void {
    const core = this.#core;
    core.notify({ type: "association-change", state: "comm-up", reason: "" });
    startHeartbeats(core, nowMs);
    for (const path of core.allPaths) startMtuSearch(core, path, nowMs);
  }

  /**
   * A COOKIE ECHO with both our tags: COOKIE ACK again, and if our own COOKIE ECHO is still out, both
   * sides called each other and this one counts (section 5.2.4, action D).
   */
  cookieRepeated(route: Route, nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#core.grantBurst();
    this.#cookieAcknowledged(nowMs);
    this.#addCookieAck(route);
  }

  /** INIT or COOKIE ECHO of a peer that is gone already: the shutdown is finished first (sections 5.2.4 and 9.2). */
  peerReturnedTooEarly(route: Route, cookieCame: boolean, nowMs: number): void {
    this.#core.nowMs = nowMs;
    repeatShutdownAck(this.#core, nowMs);
    if (cookieCame) {
      const causes = [{ type: "COOKIE_WHILE_SHUTTING_DOWN", code: 10 }] as const;
      this.#core.control.push({ chunk: { type: "ERROR", causes }, route, reason: "error", dependsOn: 0 });
    }
  }

  /** The association with the handle `successor` takes the place of this one (section 5.2.4, action A). */
  replaced(reason: string, successor: number): void {
    if (this.phase === "closed") return;
    close(this.#core);
    this.#core.notify({ type: "association-change", state: "restart", reason, successor });
  }

  /**
   * Ends without a word to anybody, because another association goes on under the same tag; answers what
   * was not sent yet and has to be given to that one.
   */
  withdraw(nowMs: number): readonly OutgoingMessage[] {
    return withdraw(this.#core, nowMs);
  }

  /** Tells the peer of errors that belong to no packet under way. */
  report(causes: readonly Cause[]): void {
    const core = this.#core;
    const route = core.routeTo(core.primaryPath);
    core.control.push({ chunk: { type: "ERROR", causes }, route, reason: "error", dependsOn: 0 });
  }

  /** COOKIE ACK goes back to where the COOKIE ECHO came from, if the peer is known to be there (sections 5.1 D and 5.4). */
  #addCookieAck(from: Route): void {
    const core = this.#core;
    const route = core.paths.get(from.remote)?.confirmed === true ? from : core.routeTo(core.primaryPath);
    const dependsOn = core.phaseSequence;
    core.control.push({ chunk: { type: "COOKIE_ACK" }, route, reason: "setup", dependsOn });
  }

  #aborted(causes: readonly string[]): void {
    const state = this.phase === "cookie-echoed" ? "cant-start" : "comm-lost";
    close(this.#core);
    const reason = `the peer aborted: ${causes.join(", ") || "no cause given"}`;
    this.#core.notify({ type: "association-change", state, reason, cause: "aborted-by-peer" });
  }

  #errorReported(causes: readonly string[]): void {
    const last = this.#core.outputs.notifications.at(-1);
    const told = last?.association === this.#core.handle && last.notification.type === "remote-error";
    if (!told) this.#core.notify({ type: "remote-error", causes });
    if (this.#core.state.phase === "cookie-echoed" && causes.includes("STALE_COOKIE")) {
      giveUp(this.#core, "the peer found our cookie stale");
    }
  }

  /** Takes a message over for sending; on `queue-full` try again after `send-possible`. */
  send(message: OutgoingMessage, nowMs: number): SendAnswer {
    const core = this.#core;
    const { phase, send, agreement } = core.state;
    core.nowMs = nowMs;
    if (phase !== "established" && phase !== "cookie-echoed") return "not-connected";
    const { streamId, ppid, unordered, immediate = false, reliability } = message;
    if (streamId < 0 || streamId >= agreement.outboundStreams) return "no-such-stream";
    const length = message.payload.length;
    if (length === 0 || length > core.parameters.maxMessageBytes) return "bad-length";
    if (send.queuedBytes + send.outstandingBytes + length > core.parameters.sendBufferBytes) {
      const roomMade = reliability?.policy === "priority" && makeRoom(core, reliability.priority, length);
      core.sendBlocked = !roomMade;
      if (!roomMade) return "queue-full";
    }
    const payload = message.transferred === true ? message.payload : message.payload.slice();
    const terms = termsOf(message, nowMs);
    const wasEmpty = (send.streams.get(streamId)?.queue.length ?? 0) === 0;
    core.queueMessage(streamId, ppid, unordered, immediate, payload, terms);
    core.scheduler.queued(streamId, wasEmpty);
    core.grantBurst();
    return "accepted";
  }

  /** The user has taken `bytes` of what was delivered; with `holdsDeliveries` the window opens again. */
  consumed(bytes: number, nowMs: number): void {
    this.#core.nowMs = nowMs;
    consumed(this.#core, bytes);
  }

  /** Changes parameters of this association alone (RFC 6458 section 8.1). */
  configure(parameters: Partial<ProtocolParameters>, nowMs: number): void {
    configureAssociation(this.#core, parameters, nowMs);
  }

  /** Changes what is set for one path; false where the peer has no such address. */
  configurePath(address: string, change: PathChange, nowMs: number): boolean {
    return configurePath(this.#core, address, change, nowMs);
  }

  /** New data goes there from now on (RFC 6458 section 8.1.9); false where the address is not confirmed. */
  setPrimary(address: string): boolean {
    return setPrimary(this.#core, address);
  }

  /** Sends a HEARTBEAT now (RFC 9260 section 8.3 D); false where the peer has no such address. */
  requestHeartbeat(address: string, nowMs: number): boolean {
    return requestHeartbeat(this.#core, address, nowMs);
  }

  /** Asks the peer to re-configure streams (RFC 6525); what came of it is a notification. */
  reconfigure(wanted: WantedReconfiguration, nowMs: number): ReconfigurationReply {
    this.#core.nowMs = nowMs;
    return requestReconfiguration(this.#core, wanted);
  }

  /** What ICMP said about a packet that was found to be ours by its tags (RFC 9260 section 10). */
  receiveIcmp(report: IcmpReport, nowMs: number): void {
    this.#core.nowMs = nowMs;
    receiveIcmp(this.#core, report, nowMs);
  }

  /** What may be processed of a packet that has arrived, `bytes` whole (RFC 4895 section 6.3). */
  admit(chunks: readonly Chunk[], bytes: Uint8Array, route: Route): readonly Chunk[] {
    return admit(this.#core, chunks, bytes, route);
  }

  get authenticates(): boolean {
    return this.#core.authenticator !== undefined;
  }

  /** Whether chunks of this type are taken only behind AUTH. */
  requiresAuthentication(chunkType: number): boolean {
    return this.#core.authenticator?.requires(chunkType) === true;
  }

  changeKeys(change: KeyChange): KeyReply {
    return changeKeys(this.#core, change);
  }

  /** From now on packets can leave from these addresses of ours. */
  useSources(sources: readonly string[]): void {
    this.#core.useSources(sources);
  }

  /** Saves the user's own state with the association, so that it moves with it. */
  saveUserState(userState: Uint8Array): void {
    this.#core.change({ kind: "userStateSaved", userState: userState.slice() });
  }

  /** Ends gracefully: what was accepted is delivered first (section 9.2). */
  shutdown(nowMs: number): void {
    this.#core.nowMs = nowMs;
    beginShutdown(this.#core);
  }

  /** Ends at once, with ABORT (section 9.1). */
  abort(reason: string, nowMs: number): void {
    const core = this.#core;
    core.nowMs = nowMs;
    abort(core, core.routeTo(core.primaryPath), userInitiated(reason));
  }

  /** Does everything that is due at `nowMs`. */
  advance(nowMs: number): void {
    const core = this.#core;
    core.nowMs = nowMs;
    for (let due = core.deadlines.takeDue(nowMs); due !== undefined; due = core.deadlines.takeDue(nowMs)) {
      this.#fire(due, nowMs);
    }
  }

  #fire(timer: TimerName, nowMs: number): void {
    const core = this.#core;
    if (timer === "sack") core.sack.makeDue();
    else if (timer === "t2-shutdown") repeatShutdown(core, nowMs);
    else if (timer === "t5-guard")
      abort(core, core.routeTo(core.primaryPath), userInitiated("shutdown takes too long"));
    else if (timer === "t1-cookie") repeatCookie(core, nowMs);
    else if (timer === "reconfiguration") reconfigurationTimedOut(core, nowMs);
    else if (timer === "window-probe") {
      core.probeAllowed = true;
      core.grantBurst(1);
    } else if (timer.startsWith("mtu ")) mtuProbeDue(core, core.path(timer.slice("mtu ".length)), nowMs);
    else if (timer.startsWith("t3 ")) retransmissionDue(core, core.path(timer.slice(3)), nowMs);
    else heartbeatDue(core, core.path(timer.slice("heartbeat ".length)), nowMs);
  }
}

/** Names of the first few causes: a packet has room for thousands. */
const causeNames = (causes: readonly Cause[]): readonly Cause["type"][] =>
  causes.slice(0, 8).map((cause) => cause.type);

function termsOf(message: OutgoingMessage, nowMs: number): MessageTerms {
  const { reliability, context } = message;
  if (reliability === undefined && context === undefined) return plainTerms;
  return {
    ...(reliability === undefined ? undefined : { reliability }),
    ...(reliability?.policy === "timed" ? { expiresAtMs: nowMs + reliability.lifetimeMs } : undefined),
    ...(context === undefined ? undefined : { context }),
  };
}

const userInitiated = (reason: string): Cause => ({
  type: "USER_INITIATED_ABORT",
  code: 12,
  value: reasonText(reason),
});
