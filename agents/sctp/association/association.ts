import type { ProtocolParameters } from "../base/parameters.ts";
import { unreachable } from "../base/assert.ts";
import type { RandomSource } from "../base/random.ts";
import type { Cause, Chunk } from "../wire/index.ts";
import { chunkAction, writeChunk } from "../wire/index.ts";
import { abort, close, giveUp, reasonText } from "./abort.ts";
import type { AssociationSnapshot, Route, TimerName } from "./core.ts";
import { AssociationCore } from "./core.ts";
import { heartbeatDue, receiveHeartbeat, receiveHeartbeatAck, startHeartbeats } from "./heartbeat.ts";
import { deliverWhatWasLeft, packetWithDataDone, receiveData } from "./on-data.ts";
import { receiveSack } from "./on-sack.ts";
import type { AssociationOutputs } from "./outputs.ts";
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
import { retransmissionDue } from "./time-outs.ts";
import { flush } from "./transmit.ts";
import { openState } from "./updates.ts";

/** A message from the user (RFC 6458 section 5.3.4, `struct sctp_sndinfo`). */
export interface OutgoingMessage {
  readonly streamId: number;
  readonly ppid: number;
  readonly unordered: boolean;
  readonly payload: Uint8Array;
}

export type SendAnswer = "accepted" | "queue-full" | "no-such-stream" | "bad-length" | "not-connected";

/** Where an association starts from, on which of our addresses. */
export interface AssociationSetting {
  readonly localAddress: string;
  readonly parameters: ProtocolParameters;
  readonly random: RandomSource;
}

/**
 * One SCTP association after INIT and INIT ACK (RFC 9260). A function of packets, calls and time:
 * each call ends with what is to be done, to be fetched by `takeOutputs`.
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
    const core = new AssociationCore(
      openState(update),
      setting.localAddress,
      setting.parameters,
      setting.random,
    );
    core.recordOpening(update);
    const association = new Association(core);
    if (cookieRoute !== undefined) association.#addCookieAck(cookieRoute);
    if (state.phase === "cookie-echoed") association.#echoCookie(nowMs);
    else association.#becomeEstablished(nowMs);
    flush(core, nowMs);
    return association;
  }

  /**
   * Goes on with an association that another computer had: sends again at once, from our own address,
   * everything that the peer has not acknowledged, and tells the peer what we hold.
   */
  static resume(state: AssociationState, setting: AssociationSetting, nowMs: number): Association {
    const core = new AssociationCore(state, setting.localAddress, setting.parameters, setting.random);
    for (const chunk of state.send.outstanding.values()) {
      core.flight.markForRetransmission(core.flight.add(chunk, 0), "takeover");
    }
    const association = new Association(core);
    if (state.phase === "cookie-echoed") association.#echoCookie(nowMs);
    else startHeartbeats(core, nowMs);
    deliverWhatWasLeft(core);
    resumeShutdown(core, nowMs);
    core.sack.makeDue();
    flush(core, nowMs);
    return association;
  }

  static restore(
    snapshot: AssociationSnapshot,
    parameters: ProtocolParameters,
    random: RandomSource,
  ): Association {
    return new Association(AssociationCore.restore(snapshot, parameters, random));
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

  takeOutputs(): AssociationOutputs {
    return this.#core.takeOutputs();
  }

  nextDeadlineMs(): number | undefined {
    return this.#core.deadlines.earliestMs();
  }

  /** Chunks of one packet whose tag and checksum were found good, in their order. */
  receive(chunks: readonly Chunk[], route: Route, nowMs: number): void {
    const core = this.#core;
    let withData = false;
    let sackAtOnce = false;
    let withSack = false;
    core.startPacket();
    // HEARTBEATs go everywhere; anything else shows which of our addresses the peer uses.
    if (chunks.some((chunk) => chunk.type !== "HEARTBEAT" && chunk.type !== "HEARTBEAT_ACK")) {
      core.path(route.remote).heardAt = route.local;
    }
    for (const chunk of chunks) {
      if (core.state.phase === "closed") break;
      if (chunk.type === "DATA") {
        if (!mayReceiveData(core.state.phase)) continue;
        withData = true;
        sackAtOnce = receiveData(core, chunk, route) || sackAtOnce;
      } else if (chunk.type === "SACK") {
        // One says everything; to process hundreds in a packet would only cost time.
        if (!withSack && core.state.phase !== "cookie-echoed") receiveSack(core, chunk, route, nowMs);
        withSack = true;
      } else if (!this.#receiveControl(chunk, route, nowMs)) break;
    }
    if (withData && core.state.phase !== "closed") {
      packetWithDataDone(core, sackAtOnce || core.state.phase === "shutdown-sent", nowMs);
      dataWhileShuttingDown(core, nowMs);
    }
    flush(core, nowMs);
  }

  /** Answers whether the rest of the packet is to be processed. */
  #receiveControl(chunk: Exclude<Chunk, { type: "DATA" | "SACK" }>, route: Route, nowMs: number): boolean {
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
      case "ECNE":
      case "CWR":
      case "PAD":
        return true;
      case "FORWARD_TSN":
      case "AUTH":
      case "ASCONF":
      case "ASCONF_ACK":
      case "RE_CONFIG":
      case "I_DATA":
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

  #echoCookie(nowMs: number): void {
    const core = this.#core;
    const { cookie } = core.state;
    if (cookie === undefined) return;
    core.control.push({
      chunk: { type: "COOKIE_ECHO", cookie },
      route: core.routeTo(core.primaryPath),
      reason: "setup",
      dependsOn: core.phaseSequence,
    });
    core.deadlines.set("t1-cookie", nowMs + core.primaryPath.rto.rtoMs);
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
  }

  /**
   * A COOKIE ECHO with both our tags: COOKIE ACK again, and if our own COOKIE ECHO is still out, both
   * sides called each other and this one counts (section 5.2.4, action D).
   */
  cookieRepeated(route: Route, nowMs: number): void {
    this.#cookieAcknowledged(nowMs);
    this.#addCookieAck(route);
    flush(this.#core, nowMs);
  }

  /** INIT or COOKIE ECHO of a peer that is gone already: the shutdown is finished first (sections 5.2.4 and 9.2). */
  peerReturnedTooEarly(route: Route, cookieCame: boolean, nowMs: number): void {
    repeatShutdownAck(this.#core, nowMs);
    if (cookieCame) {
      const causes = [{ type: "COOKIE_WHILE_SHUTTING_DOWN", code: 10 }] as const;
      this.#core.control.push({ chunk: { type: "ERROR", causes }, route, reason: "error", dependsOn: 0 });
    }
    flush(this.#core, nowMs);
  }

  /** Another association takes the place of this one; its user hears `reason` (section 5.2.4, actions A and B). */
  replaced(reason: string): void {
    if (this.phase === "closed") return;
    close(this.#core);
    this.#core.notify({ type: "association-change", state: "restart", reason });
  }

  /** COOKIE ACK goes back to where the COOKIE ECHO came from, if the peer is known to be there (sections 5.1 D and 5.4). */
  #addCookieAck(from: Route): void {
    const core = this.#core;
    const route = core.path(from.remote).confirmed ? from : core.routeTo(core.primaryPath);
    const dependsOn = core.phaseSequence;
    core.control.push({ chunk: { type: "COOKIE_ACK" }, route, reason: "setup", dependsOn });
  }

  #aborted(causes: readonly string[]): void {
    close(this.#core);
    const reason = `the peer aborted: ${causes.join(", ") || "no cause given"}`;
    this.#core.notify({ type: "association-change", state: "comm-lost", reason });
  }

  #errorReported(causes: readonly string[]): void {
    const told = this.#core.outputs.notifications.some((each) => each.type === "remote-error");
    if (!told) this.#core.notify({ type: "remote-error", causes });
    if (this.#core.state.phase === "cookie-echoed" && causes.includes("STALE_COOKIE")) {
      giveUp(this.#core, "the peer found our cookie stale");
    }
  }

  /** Takes a message over for sending; on `queue-full` try again after `sender-dry` or progress. */
  send(message: OutgoingMessage, nowMs: number): SendAnswer {
    const core = this.#core;
    const { phase, send, agreement } = core.state;
    if (phase !== "established" && phase !== "cookie-echoed") return "not-connected";
    if (message.streamId < 0 || message.streamId >= agreement.outboundStreams) return "no-such-stream";
    const length = message.payload.length;
    if (length === 0 || length > core.parameters.maxMessageBytes) return "bad-length";
    if (send.queuedBytes + send.outstandingBytes + length > core.parameters.sendBufferBytes)
      return "queue-full";
    const { streamId, ppid, unordered } = message;
    core.change({ kind: "messageQueued", streamId, ppid, unordered, payload: message.payload.slice() });
    flush(core, nowMs);
    return "accepted";
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
    beginShutdown(this.#core);
    flush(this.#core, nowMs);
  }

  /** Ends at once, with ABORT (section 9.1). */
  abort(reason: string, nowMs: number): void {
    const core = this.#core;
    abort(core, core.routeTo(core.primaryPath), userInitiated(reason));
    flush(core, nowMs);
  }

  /** Does everything that is due at `nowMs`. */
  advance(nowMs: number): void {
    const core = this.#core;
    for (let due = core.deadlines.takeDue(nowMs); due !== undefined; due = core.deadlines.takeDue(nowMs)) {
      this.#fire(due, nowMs);
    }
    flush(core, nowMs);
  }

  #fire(timer: TimerName, nowMs: number): void {
    const core = this.#core;
    if (timer === "sack") core.sack.makeDue();
    else if (timer === "t2-shutdown") repeatShutdown(core, nowMs);
    else if (timer === "t5-guard")
      abort(core, core.routeTo(core.primaryPath), userInitiated("shutdown takes too long"));
    else if (timer === "t1-cookie") this.#repeatCookie(nowMs);
    else if (timer.startsWith("t3 ")) retransmissionDue(core, core.path(timer.slice(3)), nowMs);
    else heartbeatDue(core, core.path(timer.slice("heartbeat ".length)), nowMs);
  }

  #repeatCookie(nowMs: number): void {
    const core = this.#core;
    core.errorCount += 1;
    if (core.errorCount > core.parameters.maxInitRetransmits) {
      giveUp(core, "the peer does not answer COOKIE ECHO");
      return;
    }
    this.#echoCookie(nowMs);
  }
}

/** Names of the first few causes: a packet has room for thousands. */
const causeNames = (causes: readonly Cause[]): readonly Cause["type"][] =>
  causes.slice(0, 8).map((cause) => cause.type);

const userInitiated = (reason: string): Cause => ({
  type: "USER_INITIATED_ABORT",
  code: 12,
  value: reasonText(reason),
});
