import { assert } from "../base/assert.ts";
import type { ProtocolParameters } from "../base/parameters.ts";
import type { RandomSource } from "../base/random.ts";
import type { OutgoingMessage, SendAnswer } from "../association/association.ts";
import { Association } from "../association/association.ts";
import type { EndpointOutputs, Route } from "../association/outputs.ts";
import type { IcmpReport } from "../association/on-icmp.ts";
import type { WantedReconfiguration } from "../association/reconfiguration-state.ts";
import type { ReconfigurationReply } from "../association/reconfiguration.ts";
import type { PathChange } from "../association/settings.ts";
import type { AssociationState } from "../association/state.ts";
import type { AssociationStatistics } from "../association/statistics.ts";
import type { Chunk, SctpPacket } from "../wire/index.ts";
import { parsePacket } from "../wire/index.ts";
import type { Connecting, EndpointConfig, EndpointCounters, EndpointSnapshot } from "./core.ts";
import { EndpointCore, knowsAddress } from "./core.ts";
import { initFields } from "./handshake.ts";
import { receiveCookieEcho } from "./on-cookie-echo.ts";
import { receiveInit, receiveInitAck } from "./on-init.ts";
import { quotedHeader } from "./icmp-quote.ts";
import { answerOutOfTheBlue } from "./out-of-the-blue.ts";

/** An SCTP endpoint: one port, any number of associations (RFC 6458 section 3, one-to-many). */
export class Endpoint {
  readonly #core: EndpointCore;

  constructor(config: EndpointConfig, random: RandomSource) {
    this.#core = new EndpointCore(config, random);
  }

  get counters(): Readonly<EndpointCounters> {
    return this.#core.counters;
  }

  /** Starts an association (RFC 6458 section 3.1.4); answers its handle, which is its local tag. */
  connect(peerAddress: string, peerPort: number, nowMs: number): number {
    const offer = this.#core.unusedOffer();
    const route = { local: this.#core.config.ownAddress, remote: peerAddress };
    const { rtoInitialMs } = this.#core.config.parameters;
    const connecting = { offer, peerPort, route, attempts: 0, timeoutMs: rtoInitialMs, deadlineMs: 0 };
    this.#core.connecting.set(offer.tag, connecting);
    this.#sendInit(connecting, nowMs);
    return offer.tag;
  }

  #sendInit(connecting: Connecting, nowMs: number): void {
    const { offer, peerPort, route } = connecting;
    connecting.attempts += 1;
    connecting.deadlineMs = nowMs + connecting.timeoutMs;
    connecting.timeoutMs = Math.min(connecting.timeoutMs * 2, this.#core.config.parameters.rtoMaxMs);
    const fields = initFields(offer, this.#core.config.localAddresses, this.#core.config.parameters);
    this.#core.sendChunk({ type: "INIT", ...fields }, route, peerPort, 0, "setup");
  }

  /** A packet from the network: the payload of IP protocol 132 or of a UDP datagram (RFC 6951). */
  receive(bytes: Uint8Array, route: Route, nowMs: number, congestionExperienced: boolean = false): void {
    const parsed = parsePacket(bytes);
    if (!parsed.ok) {
      this.#core.counters.unparsable += 1;
      return;
    }
    if (!parsed.checksumGood) {
      this.#core.counters.badChecksum += 1;
      return;
    }
    const { packet } = parsed;
    const [first] = packet.chunks;
    if (first === undefined) return;
    if (first.type === "INIT") receiveInit(this.#core, packet, first, route, nowMs);
    else if (packet.destinationPort !== this.#core.config.localPort) this.#outOfTheBlue(packet, route);
    else if (first.type === "INIT_ACK") receiveInitAck(this.#core, packet, first, route, nowMs);
    else if (first.type === "COOKIE_ECHO") receiveCookieEcho(this.#core, packet, first, route, nowMs);
    else this.#receiveForAssociation(packet, route, nowMs, congestionExperienced);
  }

  /** Section 8.5: the tag finds the association; ABORT and SHUTDOWN COMPLETE may reflect ours instead. */
  #receiveForAssociation(packet: SctpPacket, route: Route, nowMs: number, marked: boolean): void {
    const reflected = packet.chunks.find(
      (chunk) => (chunk.type === "ABORT" || chunk.type === "SHUTDOWN_COMPLETE") && chunk.tagReflected,
    );
    if (reflected !== undefined) {
      this.#receiveReflected(packet, reflected, route, nowMs);
      return;
    }
    const association = this.#core.associations.get(packet.verificationTag);
    if (association !== undefined && comesFromPeer(association, packet, route)) {
      association.receive(packet.chunks, route, nowMs, marked);
      this.#core.collect(association);
      return;
    }
    if (this.#abortedWhileConnecting(packet, route)) return;
    this.#outOfTheBlue(packet, route);
  }

  /**
   * What ICMP said about a packet of ours. Only what quotes both ports and the right verification tag is
   * believed (RFC 9260 section 10, rules ICMP5 and ICMP6).
   */
  receiveIcmp(report: IcmpReport, nowMs: number): void {
    const quoted = quotedHeader(report.quoted);
    if (quoted === undefined || quoted.localPort !== this.#core.config.localPort) return;
    if (quoted.initiateTag !== undefined) {
      const connecting = this.#core.connecting.get(quoted.initiateTag);
      const refuses = report.kind === "protocol-unreachable" && connecting?.peerPort === quoted.peerPort;
      if (connecting !== undefined && refuses) {
        this.#core.giveUpConnecting(connecting, "ICMP: the peer's host does not speak SCTP");
      }
      return;
    }
    const association = this.#core.associationTo(report.route.remote, quoted.peerPort, quoted.tag);
    if (association === undefined) return;
    association.receiveIcmp(report, nowMs);
    this.#core.collect(association);
  }

  /** With the T bit the sender knows only the tag that we sent; anything else in the packet has no right tag. */
  #receiveReflected(packet: SctpPacket, chunk: Chunk, route: Route, nowMs: number): void {
    for (const association of this.#core.associations.values()) {
      const { peerTag } = association.state.agreement;
      if (peerTag !== packet.verificationTag || !comesFromPeer(association, packet, route)) continue;
      association.receive([chunk], route, nowMs);
      this.#core.collect(association);
      return;
    }
  }

  #abortedWhileConnecting(packet: SctpPacket, route: Route): boolean {
    const connecting = this.#core.connecting.get(packet.verificationTag);
    if (connecting === undefined || packet.chunks[0]?.type !== "ABORT") return false;
    if (connecting.peerPort !== packet.sourcePort || connecting.route.remote !== route.remote) return false;
    this.#core.giveUpConnecting(connecting, "the peer refused the association");
    return true;
  }

  #outOfTheBlue(packet: SctpPacket, route: Route): void {
    this.#core.counters.outOfTheBlue += 1;
    const bytes = answerOutOfTheBlue(packet);
    if (bytes === undefined) return;
    this.#core.outputs.packets.push({ ...route, bytes, reason: "abort", dependsOn: 0, association: 0 });
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

  /** Goes on with an association whose state was kept on another computer. */
  resume(state: AssociationState, nowMs: number): number {
    this.#core.add(Association.resume(state, this.#core.setting, nowMs));
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

  shutdown(handle: number, nowMs: number): void {
    const association = this.#core.associations.get(handle);
    association?.shutdown(nowMs);
    if (association !== undefined) this.#core.collect(association);
  }

  abort(handle: number, reason: string, nowMs: number): void {
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
    for (const { deadlineMs } of this.#core.connecting.values()) {
      if (earliest === undefined || deadlineMs < earliest) earliest = deadlineMs;
    }
    return earliest;
  }

  advance(nowMs: number): void {
    for (const connecting of [...this.#core.connecting.values()]) {
      if (connecting.deadlineMs > nowMs) continue;
      if (connecting.attempts > this.#core.config.parameters.maxInitRetransmits) {
        this.#core.giveUpConnecting(connecting, `no answer to ${connecting.attempts} INIT chunks`);
      } else this.#sendInit(connecting, nowMs);
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
      sources: this.#core.sources,
      connecting: [...this.#core.connecting.values()].map((each) => ({ ...each })),
      associations: [...this.#core.associations.values()].map((each) => each.snapshot()),
    };
  }

  /** Goes on from a snapshot as if nothing had happened. */
  static restore(snapshot: EndpointSnapshot, config: EndpointConfig, random: RandomSource): Endpoint {
    const endpoint = new Endpoint(config, random);
    endpoint.#core.sources = snapshot.sources;
    for (const connecting of snapshot.connecting) {
      endpoint.#core.connecting.set(connecting.offer.tag, { ...connecting });
    }
    for (const each of snapshot.associations) {
      endpoint.#core.add(Association.restore(each, endpoint.#core.setting));
    }
    return endpoint;
  }
}

const comesFromPeer = (association: Association, packet: SctpPacket, route: Route): boolean =>
  association.state.agreement.peerPort === packet.sourcePort && knowsAddress(association, route.remote);
