import type { Extensions, ProtocolParameters } from "../base/parameters.ts";
import type { Cause, Chunk } from "../wire/index.ts";
import { abort, close, userInitiated } from "./abort.ts";
import type { AddressRequest } from "./asconf-state.ts";
import type { AddressReply } from "./asconf.ts";
import { isLateAbort, requestAddressChanges, resumeAsconf, whyNotAsked } from "./asconf.ts";
import { echoCookie } from "./cookie-echo.ts";
import type { AssociationSetting } from "./core.ts";
import { AssociationCore } from "./core.ts";
import { deliverWhatIsReady } from "./deliver.ts";
import { withdraw } from "./hand-over.ts";
import { startHeartbeats } from "./heartbeat.ts";
import type { KeyReply } from "./key-ring.ts";
import type { KeyChange } from "./keys.ts";
import { admit, changeKeys } from "./keys.ts";
import { consumed, violate } from "./on-data.ts";
import type { IcmpReport } from "./on-icmp.ts";
import { receiveIcmp } from "./on-icmp.ts";
import type { OutgoingMessage, SendAnswer } from "./outgoing-message.ts";
import type { Route } from "./outputs.ts";
import { startMtuSearch } from "./path-mtu.ts";
import { startProbe } from "./probe.ts";
import { beginRecovery } from "./recovery-ladder.ts";
import { receivePacket } from "./receive.ts";
import type { WantedReconfiguration } from "./reconfiguration-state.ts";
import type { ReconfigurationReply } from "./reconfiguration.ts";
import { requestReconfiguration, resumeReconfiguration } from "./reconfiguration.ts";
import { redirectPeer } from "./redirect.ts";
import type { ResumeTerms } from "./resume-terms.ts";
import { sendMessage } from "./send.ts";
import { addCookieAck, becomeEstablished, cookieAcknowledged } from "./set-up.ts";
import type { PathChange } from "./settings.ts";
import { configureAssociation, configurePath, requestHeartbeat, setPrimary } from "./settings.ts";
import { mayReceiveData } from "./data-phases.ts";
import { beginShutdown, repeatShutdownAck, resumeShutdown } from "./shutdown.ts";
import type { AssociationPhase, AssociationState } from "./state.ts";
import type { AssociationStatistics } from "./statistics.ts";
import { associationStatistics } from "./statistics.ts";
import type { AssociationSnapshot } from "./snapshot.ts";
import { restoreCore, takeSnapshot } from "./snapshot.ts";
import { timerExpired } from "./timers.ts";
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
    core.recordOpening(update);
    const association = new Association(core);
    if (cookieRoute !== undefined) addCookieAck(core, cookieRoute);
    if (state.phase === "cookie-echoed") echoCookie(core, nowMs);
    else becomeEstablished(core, nowMs);
    return association;
  }

  /**
   * Goes on with an association that another computer had: sends again at once, from our own address,
   * everything that the peer has not acknowledged, and tells the peer what we hold.
   */
  static resume(
    state: AssociationState,
    setting: AssociationSetting,
    nowMs: number,
    terms: ResumeTerms = {},
  ): Association {
    const core = new AssociationCore(state, setting);
    core.nowMs = nowMs;
    core.grantBurst();
    beginRecovery(core, terms);
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
    startProbe(core);
    resumeReconfiguration(core);
    deliverWhatIsReady(core);
    resumeAsconf(core);
    redirectPeer(core, terms.lostAddresses ?? []);
    resumeShutdown(core, nowMs);
    core.sack.makeDue();
    return association;
  }

  static restore(snapshot: AssociationSnapshot, setting: AssociationSetting): Association {
    return new Association(restoreCore(snapshot, setting));
  }

  snapshot(): AssociationSnapshot {
    return takeSnapshot(this.#core);
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
    receivePacket(this.#core, chunks, route, nowMs, congestionExperienced);
  }

  /**
   * A COOKIE ECHO with both our tags: COOKIE ACK again, and if our own COOKIE ECHO is still out, both
   * sides called each other and this one counts (section 5.2.4, action D).
   */
  cookieRepeated(route: Route, nowMs: number): void {
    this.#core.nowMs = nowMs;
    cookieAcknowledged(this.#core, nowMs);
    addCookieAck(this.#core, route);
  }

  /** Messages that waited for the packet that is processed: it allows the burst. Answers those that are not taken. */
  sendWaiting(messages: readonly OutgoingMessage[], nowMs: number): readonly OutgoingMessage[] {
    const before = this.#core.burstPackets;
    const refused = messages.filter((message) => this.send(message, nowMs) !== "accepted");
    this.#core.burstPackets = before;
    return refused;
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

  /** How often COOKIE ECHO was sent again; of use in COOKIE-ECHOED only. */
  get cookieRepeats(): number {
    return this.#core.errorCount;
  }

  /** The association with the handle `successor` takes the place of this one (section 5.2.4, action A). */
  replaced(reason: string, successor: number, extensions: Extensions): void {
    if (this.phase === "closed") return;
    close(this.#core);
    this.#core.notify({ type: "association-change", state: "restart", reason, successor, extensions });
  }

  /**
   * Ends without a word to anybody, because another association goes on under the same tag; answers what
   * was not sent yet and has to be given to that one.
   */
  withdraw(nowMs: number): readonly OutgoingMessage[] {
    return withdraw(this.#core, nowMs);
  }

  /** The peer sent DATA or I-DATA that cannot be read: that ends the association (RFC 9260 section 3.3.10.13). */
  receiveMalformedData(reason: string, route: Route, nowMs: number): void {
    this.#core.nowMs = nowMs;
    if (mayReceiveData(this.phase)) violate(this.#core, route, reason);
  }

  /** Tells the peer of errors that belong to no packet under way. */
  report(causes: readonly Cause[]): void {
    const core = this.#core;
    const route = core.routeTo(core.primaryPath);
    core.control.push({ chunk: { type: "ERROR", causes }, route, reason: "error", dependsOn: 0 });
  }

  /** Takes a message over for sending; on `queue-full` try again after `send-possible`. */
  send(message: OutgoingMessage, nowMs: number): SendAnswer {
    return sendMessage(this.#core, message, nowMs);
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

  /** Why the peer is to be called again, and this association to be withdrawn; undefined as a rule. */
  get restartWanted(): string | undefined {
    return this.#core.restartWanted;
  }

  get authenticates(): boolean {
    return this.#core.authenticator !== undefined;
  }

  /** Whether chunks of this type are taken only behind AUTH. */
  requiresAuthentication(chunkType: number): boolean {
    return this.#core.authenticator?.requires(chunkType) === true;
  }

  /** Asks the peer for a change of our own addresses (RFC 5061). */
  changeAddresses(requests: readonly AddressRequest[], nowMs: number): AddressReply {
    this.#core.nowMs = nowMs;
    return requestAddressChanges(this.#core, requests);
  }

  /** What `changeAddresses` would answer. */
  wouldChangeAddresses(requests: readonly AddressRequest[]): AddressReply {
    return whyNotAsked(this.#core, requests) ?? "accepted";
  }

  /** Whether an ABORT, with T bit or without, that comes to an address of ours counts for nothing. */
  isLateAbort(local: string, tagReflected: boolean, nowMs: number): boolean {
    return isLateAbort(this.#core, local, tagReflected, nowMs);
  }

  changeKeys(change: KeyChange): KeyReply {
    return changeKeys(this.#core, change);
  }

  /** From now on packets can leave from these addresses of ours, as far as the peer was not told otherwise (RFC 5061). */
  useSources(sources: readonly string[]): void {
    const core = this.#core;
    core.lostAddresses = core.lostAddresses.filter((each) => !sources.includes(each));
    core.useSources(sources.filter((each) => core.mayLeaveFrom(each)));
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
      timerExpired(core, due, nowMs);
    }
  }
}
