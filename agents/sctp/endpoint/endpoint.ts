import { assert } from "../base/assert.ts";
import type { ProtocolParameters } from "../base/parameters.ts";
import type { RandomSource } from "../base/random.ts";
import type { OutgoingMessage, SendAnswer } from "../association/outgoing-message.ts";
import { Association } from "../association/association.ts";
import type { EndpointOutputs, Route } from "../association/outputs.ts";
import type { AddressRequest } from "../association/asconf-state.ts";
import type { AddressReply } from "../association/asconf.ts";
import type { KeyReply, KeyRingSnapshot } from "../association/key-ring.ts";
import { KeyRing } from "../association/key-ring.ts";
import type { KeyChange } from "../association/keys.ts";
import { changeRing } from "../association/keys.ts";
import type { IcmpReport } from "../association/on-icmp.ts";
import type { WantedReconfiguration } from "../association/reconfiguration-state.ts";
import type { ReconfigurationReply } from "../association/reconfiguration.ts";
import type { ResumeTerms } from "../association/resume-terms.ts";
import type { PathChange } from "../association/settings.ts";
import type { AssociationState } from "../association/state.ts";
import type { AssociationStatistics } from "../association/statistics.ts";
import { announcePresent } from "./away.ts";
import type { Call, ConnectOptions } from "./call-table.ts";
import { giveUpCall, initTimedOut, startCall } from "./call.ts";
import type { EndpointConfig, EndpointCounters, EndpointSnapshot } from "./core.ts";
import { EndpointCore } from "./core.ts";
import { receivePacket } from "./dispatch.ts";
import { quotedHeader } from "./icmp-quote.ts";
import { restartAssociation } from "./restart.ts";

export type KeyAnswer = KeyReply | "no-such-association";

/** An SCTP endpoint: one port, any number of associations (RFC 6458 section 3, one-to-many). */
export class Endpoint {
  readonly #core: EndpointCore;

  constructor(config: EndpointConfig, random: RandomSource) {
    const core = new EndpointCore(config, random);
    core.restart = (association, waiting) => restartAssociation(core, association, waiting, core.nowMs);
    this.#core = core;
  }

  get counters(): Readonly<EndpointCounters> {
    return this.#core.counters;
  }

  /** Whether INIT from outside is welcome (RFC 6458 section 3.1.3). */
  get listening(): boolean {
    return this.#core.listening;
  }

  set listening(listening: boolean) {
    this.#core.listening = listening;
  }

  /**
   * Starts an association with the peer at one address or several of them (RFC 6458 sections 3.1.4 and
   * 9.9); answers its handle, which is its local tag. Where nobody can be called, `cant-start` says why.
   */
  connect(
    remote: string | readonly string[],
    peerPort: number,
    nowMs: number,
    options: ConnectOptions = {},
  ): number {
    return startCall(this.#core, typeof remote === "string" ? [remote] : remote, peerPort, options, nowMs);
  }

  /** Seals cookies with this key from now on; those sealed with the key before stay good for their life. */
  rotateCookieKey(key: Uint8Array, nowMs: number): void {
    this.#core.cookieKeys.rotate(key, nowMs + 2 * this.#core.parameters.validCookieLifeMs);
  }

  /** A packet from the network: the payload of IP protocol 132 or of a UDP datagram (RFC 6951). */
  receive(bytes: Uint8Array, route: Route, nowMs: number, congestionExperienced: boolean = false): void {
    this.#core.nowMs = nowMs;
    receivePacket(this.#core, bytes, route, nowMs, congestionExperienced);
  }

  /**
   * What ICMP said about a packet of ours. Only what quotes both ports and the right verification tag is
   * believed (RFC 9260 section 10, rules ICMP5 and ICMP6).
   */
  receiveIcmp(report: IcmpReport, nowMs: number): void {
    const quoted = quotedHeader(report.quoted);
    if (quoted === undefined || quoted.localPort !== this.#core.config.localPort) return;
    if (quoted.initiateTag !== undefined) {
      const call = this.#core.calls.get(quoted.initiateTag);
      const refuses = report.kind === "protocol-unreachable" && call?.peerPort === quoted.peerPort;
      if (call !== undefined && refuses)
        giveUpCall(this.#core, call, "ICMP: the peer's host does not speak SCTP", "aborted-by-peer");
      return;
    }
    const { associations } = this.#core;
    const association = associations.withPeerTag(report.route.remote, quoted.peerPort, quoted.tag);
    if (association === undefined) return;
    association.receiveIcmp(report, nowMs);
    this.#core.collect(association);
  }

  /**
   * Whether another computer sends for us from our other addresses. Then, where nothing comes back, the
   * next try leaves from another one.
   */
  useOtherAddresses(available: boolean): void {
    const { ownAddress, localAddresses } = this.#core.config;
    this.#core.sources = available ? localAddresses : [ownAddress];
    for (const association of this.#core.associations.values()) association.useSources(this.#core.sources);
  }

  /**
   * At these addresses of ours nobody is now. A peer that can be told of them later (RFC 5061) does not get them with
   * INIT ACK, so it does not try them in vain; and it is told of an address as soon as somebody is there, so that it
   * confirms it at once. Says something about other computers, so it is no part of a snapshot.
   */
  setAway(addresses: readonly string[], nowMs: number): void {
    const core = this.#core;
    const areBack = core.away.some((address) => !addresses.includes(address));
    core.away = addresses;
    if (!areBack) return;
    for (const association of core.associations.values()) {
      announcePresent(core, association, nowMs);
      core.collect(association);
    }
  }

  /** The addresses of the configuration are other ones, for associations to come; living ones are asked by ASCONF. */
  addressesChanged(): void {
    this.#core.sources = [this.#core.config.ownAddress];
  }

  /** Goes on with an association whose state was kept on another computer; `state` is not used further by the caller. */
  resume(state: AssociationState, nowMs: number, terms: ResumeTerms = {}): number {
    this.#core.nowMs = nowMs;
    this.#core.add(Association.resume(state, this.#core.setting, nowMs, terms));
    return state.agreement.localTag;
  }

  send(handle: number, message: OutgoingMessage, nowMs: number): SendAnswer {
    const association = this.#core.associations.get(handle);
    if (association === undefined) return "not-connected";
    const answer = association.send(message, nowMs);
    this.#core.collect(association);
    return answer;
  }

  /** Bytes that the association holds for sending, queued and outstanding; 0 when it is unknown. */
  pendingBytes(handle: number): number {
    const send = this.#core.associations.get(handle)?.state.send;
    return send === undefined ? 0 : send.queuedBytes + send.outstandingBytes;
  }

  /** With `holdsDeliveries`: the user has taken `bytes` of what was delivered; the receive window opens again. */
  consumed(handle: number, bytes: number, nowMs: number): void {
    const association = this.#core.associations.get(handle);
    if (association === undefined) return;
    association.consumed(bytes, nowMs);
    this.#core.collect(association);
  }

  saveUserState(handle: number, userState: Uint8Array): void {
    const association = this.#core.associations.get(handle);
    if (association === undefined) return;
    association.saveUserState(userState);
    this.#core.collect(association);
  }

  /** Ends gracefully (RFC 9260 section 9.2); an association that is not established yet ends once it is. */
  shutdown(handle: number, nowMs: number): void {
    const call = this.#core.calls.get(handle);
    if (call !== undefined) giveUpCall(this.#core, call, "shut down while connecting", "aborted-by-us");
    const echoing = this.#core.echoing.get(handle);
    if (echoing !== undefined) echoing.shutdownWanted = true;
    const association = this.#core.associations.get(handle);
    association?.shutdown(nowMs);
    if (association !== undefined) this.#core.collect(association);
  }

  /** Ends at once. In COOKIE-WAIT nothing is sent: there is no tag yet that the peer would accept. */
  abort(handle: number, reason: string, nowMs: number): void {
    const call = this.#core.calls.get(handle);
    if (call !== undefined)
      giveUpCall(this.#core, call, `aborted while connecting: ${reason}`, "aborted-by-us");
    const association = this.#core.associations.get(handle);
    association?.abort(reason, nowMs);
    if (association !== undefined) this.#core.collect(association);
  }

  state(handle: number): AssociationState | undefined {
    return this.#core.associations.get(handle)?.state;
  }

  associations(): Iterable<number> {
    return this.#core.associations.keys();
  }

  statistics(handle: number): AssociationStatistics | undefined {
    this.#core.settle();
    return this.#core.associations.get(handle)?.statistics();
  }

  /** Parameters of associations to come. */
  configure(parameters: Partial<ProtocolParameters>): void {
    this.#core.parameters = { ...this.#core.parameters, ...parameters };
  }

  /** Parameters of one association; false where it is unknown. */
  configureAssociation(handle: number, parameters: Partial<ProtocolParameters>, nowMs: number): boolean {
    return this.#with(handle, (association) => {
      association.configure(parameters, nowMs);
      return true;
    });
  }

  /** What is set for one path; false where the association or the address is unknown. */
  configurePath(handle: number, address: string, change: PathChange, nowMs: number): boolean {
    return this.#with(handle, (association) => association.configurePath(address, change, nowMs));
  }

  /** Asks the peer to re-configure streams (RFC 6525); a notification says what came of it. */
  reconfigure(handle: number, wanted: WantedReconfiguration, nowMs: number): ReconfigurationReply {
    const association = this.#core.associations.get(handle);
    if (association === undefined) return "not-connected";
    const reply = association.reconfigure(wanted, nowMs);
    this.#core.collect(association);
    return reply;
  }

  /** New data goes to this address (RFC 6458 section 8.1.9); false where it is not known and confirmed. */
  setPrimary(handle: number, address: string): boolean {
    return this.#with(handle, (association) => association.setPrimary(address));
  }

  /** Sends a HEARTBEAT now (RFC 9260 section 8.3 D); false where the address is unknown. */
  requestHeartbeat(handle: number, address: string, nowMs: number): boolean {
    return this.#with(handle, (association) => association.requestHeartbeat(address, nowMs));
  }

  /**
   * Tells the peer of an association that we have another address (RFC 5061); `local-address-change` brings
   * the answer, and from then on packets leave from there too.
   */
  addAddress(handle: number, address: string, nowMs: number): AddressReply {
    return this.changeAddresses(handle, [{ kind: "add", address }], nowMs);
  }

  /** Nothing leaves from this address of ours any more, and the peer is told not to use it (RFC 5061). */
  removeAddress(handle: number, address: string, nowMs: number): AddressReply {
    return this.changeAddresses(handle, [{ kind: "delete", address }], nowMs);
  }

  /** Asks the peer to send to this address of ours (RFC 6458 section 8.3.1). */
  setPeerPrimary(handle: number, address: string, nowMs: number): AddressReply {
    return this.changeAddresses(handle, [{ kind: "set-primary", address }], nowMs);
  }

  /** All of these requests, or none of them. */
  changeAddresses(handle: number, requests: readonly AddressRequest[], nowMs: number): AddressReply {
    const association = this.#core.associations.get(handle);
    if (association === undefined) return "not-connected";
    const reply = association.changeAddresses(requests, nowMs);
    this.#core.collect(association);
    return reply;
  }

  /** What `changeAddresses` would answer now. */
  wouldChangeAddresses(handle: number, requests: readonly AddressRequest[]): AddressReply {
    return this.#core.associations.get(handle)?.wouldChangeAddresses(requests) ?? "not-connected";
  }

  /**
   * Sets a shared key of RFC 4895 for one association, or without a handle for all that are opened later
   * (RFC 6458 section 8.3.2). Key 0 is empty until it is set. Keys are not replicated: each computer that
   * plays the endpoint has to be given them.
   */
  setKey(handle: number | undefined, keyId: number, secret: Uint8Array): KeyAnswer {
    return this.changeKeys(handle, { act: "set", keyId, secret });
  }

  /** What is sent from now on is authenticated with this key. */
  activateKey(handle: number | undefined, keyId: number): KeyAnswer {
    return this.changeKeys(handle, { act: "activate", keyId });
  }

  /** Nothing is sent with this key any more; what the peer sends with it is still good. */
  deactivateKey(handle: number | undefined, keyId: number): KeyAnswer {
    return this.changeKeys(handle, { act: "deactivate", keyId });
  }

  deleteKey(handle: number | undefined, keyId: number): KeyAnswer {
    return this.changeKeys(handle, { act: "delete", keyId });
  }

  /** Keys for associations to come, in the place of those that were set before. */
  useKeys(keys: KeyRingSnapshot): void {
    this.#core.keys = KeyRing.restore(keys);
  }

  /** Identifier of the key that associations to come authenticate with. */
  get activeKeyId(): number {
    return this.#core.keys.activeKeyId;
  }

  changeKeys(handle: number | undefined, change: KeyChange): KeyAnswer {
    if (change.keyId < 0 || change.keyId > 0xffff) return "no-such-key";
    if (handle === undefined) return changeRing(this.#core.keys, change);
    const association = this.#core.associations.get(handle);
    if (association === undefined) return "no-such-association";
    const reply = association.changeKeys(change);
    this.#core.collect(association);
    return reply;
  }

  #with(handle: number, act: (association: Association) => boolean): boolean {
    const association = this.#core.associations.get(handle);
    if (association === undefined) return false;
    const done = act(association);
    this.#core.collect(association);
    return done;
  }

  /** Earliest instant at which `advance` has something to do, in milliseconds. */
  nextDeadlineMs(): number | undefined {
    let earliest = this.#core.earliestDeadlineMs();
    for (const { deadlineMs } of this.#core.calls.values()) {
      if (earliest === undefined || deadlineMs < earliest) earliest = deadlineMs;
    }
    return earliest;
  }

  advance(nowMs: number): void {
    for (const call of [...this.#core.calls.values()]) {
      if (call.deadlineMs <= nowMs) initTimedOut(this.#core, call, nowMs);
    }
    this.#core.advanceDue(nowMs);
  }

  /** Everything that is to be done since the last time, with the packets that may leave now. */
  takeOutputs(): EndpointOutputs {
    this.#core.settle();
    return this.#core.outputs.take();
  }

  snapshot(): EndpointSnapshot {
    this.#core.settle();
    assert(this.#core.outputs.isEmpty, "outputs are taken before a snapshot");
    return {
      parameters: this.#core.parameters,
      nowMs: this.#core.nowMs,
      sources: this.#core.sources,
      listening: this.#core.listening,
      cookieKeys: this.#core.cookieKeys.snapshot(),
      keys: this.#core.keys.snapshot(),
      retiredTags: this.#core.retiredTags.snapshot(),
      connecting: [...this.#core.calls.values()].map(cloneCall),
      echoing: [...this.#core.echoing.values()].map(cloneCall),
      associations: [...this.#core.associations.values()].map((each) => each.snapshot()),
    };
  }

  /** Goes on from a snapshot as if nothing had happened. */
  static restore(snapshot: EndpointSnapshot, config: EndpointConfig, random: RandomSource): Endpoint {
    const endpoint = new Endpoint(config, random);
    endpoint.#core.parameters = snapshot.parameters;
    endpoint.#core.nowMs = snapshot.nowMs;
    endpoint.#core.sources = snapshot.sources;
    endpoint.#core.listening = snapshot.listening;
    endpoint.#core.cookieKeys.restore(snapshot.cookieKeys);
    endpoint.#core.keys = KeyRing.restore(snapshot.keys);
    endpoint.#core.retiredTags.restore(snapshot.retiredTags);
    for (const call of snapshot.connecting) endpoint.#core.calls.add(cloneCall(call));
    for (const call of snapshot.echoing) endpoint.#core.echoing.set(call.offer.tag, cloneCall(call));
    for (const each of snapshot.associations) {
      endpoint.#core.addRestored(Association.restore(each, endpoint.#core.setting));
    }
    return endpoint;
  }
}

const cloneCall = (call: Call): Call => ({ ...call, waiting: [...call.waiting] });
