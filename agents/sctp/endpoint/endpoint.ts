import { assert } from "../base/assert.ts";
import type { ProtocolParameters } from "../base/parameters.ts";
import type { RandomSource } from "../base/random.ts";
import type { AssociationSetting, OutgoingMessage, SendAnswer } from "../association/association.ts";
import { Association } from "../association/association.ts";
import type { AssociationSnapshot, Route } from "../association/core.ts";
import type { Delivery, Notification, OutboundPacket, PacketReason } from "../association/outputs.ts";
import type { AssociationState } from "../association/state.ts";
import { createAssociationState } from "../association/state.ts";
import type { NumberedUpdate } from "../association/updates.ts";
import type { Cause, Chunk, CookieEchoChunk, InitAckChunk, InitChunk, SctpPacket } from "../wire/index.ts";
import { parsePacket, writePacket } from "../wire/index.ts";
import type { CookieContent } from "./cookie.ts";
import { openCookie, sealCookie } from "./cookie.ts";
import {
  agree,
  initFields,
  initFlaw,
  isAlone,
  newOffer,
  stateCookie,
  unrecognizedParameters,
} from "./handshake.ts";
import type { LocalOffer } from "./handshake.ts";
import { answerOutOfTheBlue } from "./out-of-the-blue.ts";

export interface EndpointConfig {
  readonly localPort: number;
  /** All addresses of the endpoint, wherever they live: what the peer is told. */
  readonly localAddresses: readonly string[];
  /** The one of them from which this instance sends what it starts. */
  readonly ownAddress: string;
  /** Whether INIT from outside is welcome (RFC 6458 section 3.1.3, `listen`). */
  readonly listening: boolean;
  /** Seals state cookies; shared by all computers that play this endpoint (RFC 9260 section 5.1.3). */
  readonly cookieKey: Uint8Array;
  readonly parameters: ProtocolParameters;
}

/** What arrived and could not be used, counted by reason. */
export interface EndpointCounters {
  unparsable: number;
  badChecksum: number;
  badTag: number;
  outOfTheBlue: number;
  badCookie: number;
  refused: number;
}

type Tagged<T> = T & { readonly association: number };

/** What is to be done, in order; `association` is its local tag, 0 where a packet belongs to none. */
export interface EndpointOutputs {
  readonly updates: Tagged<NumberedUpdate>[];
  readonly packets: Tagged<OutboundPacket>[];
  readonly deliveries: Tagged<Delivery>[];
  readonly notifications: { readonly association: number; readonly notification: Notification }[];
}

/** COOKIE-WAIT (RFC 9260 section 4): INIT is out, the peer's tag is not known. */
interface Connecting {
  readonly offer: LocalOffer;
  readonly peerPort: number;
  readonly route: Route;
  attempts: number;
  timeoutMs: number;
  deadlineMs: number;
}

export interface EndpointSnapshot {
  readonly connecting: readonly Connecting[];
  readonly associations: readonly AssociationSnapshot[];
}

/** An SCTP endpoint: one port, any number of associations (RFC 6458 section 3, one-to-many). */
export class Endpoint {
  readonly #config: EndpointConfig;
  readonly #random: RandomSource;
  readonly #associations: Map<number, Association> = new Map<number, Association>();
  readonly #connecting: Map<number, Connecting> = new Map<number, Connecting>();
  readonly counters: EndpointCounters = {
    unparsable: 0,
    badChecksum: 0,
    badTag: 0,
    outOfTheBlue: 0,
    badCookie: 0,
    refused: 0,
  };
  #outputs: EndpointOutputs = { updates: [], packets: [], deliveries: [], notifications: [] };

  constructor(config: EndpointConfig, random: RandomSource) {
    this.#config = config;
    this.#random = random;
  }

  /** Starts an association (RFC 6458 section 3.1.4); answers its handle, which is its local tag. */
  connect(peerAddress: string, peerPort: number, nowMs: number): number {
    const offer = newOffer(this.#random);
    const route = { local: this.#config.ownAddress, remote: peerAddress };
    const { rtoInitialMs } = this.#config.parameters;
    const connecting = { offer, peerPort, route, attempts: 0, timeoutMs: rtoInitialMs, deadlineMs: 0 };
    this.#connecting.set(offer.tag, connecting);
    this.#sendInit(connecting, nowMs);
    return offer.tag;
  }

  #sendInit(connecting: Connecting, nowMs: number): void {
    const { offer, peerPort, route } = connecting;
    connecting.attempts += 1;
    connecting.deadlineMs = nowMs + connecting.timeoutMs;
    connecting.timeoutMs = Math.min(connecting.timeoutMs * 2, this.#config.parameters.rtoMaxMs);
    const fields = initFields(offer, this.#config.localAddresses, this.#config.parameters);
    this.#sendChunk({ type: "INIT", ...fields }, route, peerPort, 0, "setup");
  }

  /** A packet from the network: the payload of IP protocol 132 or of a UDP datagram (RFC 6951). */
  receive(bytes: Uint8Array, route: Route, nowMs: number): void {
    const parsed = parsePacket(bytes);
    if (!parsed.ok) {
      this.counters.unparsable += 1;
      return;
    }
    if (!parsed.checksumGood) {
      this.counters.badChecksum += 1;
      return;
    }
    const { packet } = parsed;
    const [first] = packet.chunks;
    if (first === undefined) return;
    if (first.type === "INIT") this.#receiveInit(packet, first, route, nowMs);
    else if (packet.destinationPort !== this.#config.localPort) this.#outOfTheBlue(packet, route);
    else if (first.type === "INIT_ACK") this.#receiveInitAck(packet, first, route, nowMs);
    else if (first.type === "COOKIE_ECHO") this.#receiveCookieEcho(packet, first, route, nowMs);
    else this.#receiveForAssociation(packet, route, nowMs);
  }

  /** Section 8.5: the tag finds the association; ABORT and SHUTDOWN COMPLETE may reflect ours instead. */
  #receiveForAssociation(packet: SctpPacket, route: Route, nowMs: number): void {
    const association = this.#associations.get(packet.verificationTag);
    const reflected = packet.chunks.some(
      (chunk) => (chunk.type === "ABORT" || chunk.type === "SHUTDOWN_COMPLETE") && chunk.tagReflected,
    );
    if (association !== undefined && !reflected) {
      if (!knowsAddress(association, route.remote)) {
        this.#outOfTheBlue(packet, route);
        return;
      }
      association.receive(packet.chunks, route, nowMs);
      this.#collect(association);
      return;
    }
    if (reflected) {
      const byPeerTag = [...this.#associations.values()].find(
        (each) =>
          each.state.agreement.peerTag === packet.verificationTag &&
          each.state.agreement.peerPort === packet.sourcePort &&
          knowsAddress(each, route.remote),
      );
      byPeerTag?.receive(packet.chunks, route, nowMs);
      if (byPeerTag !== undefined) this.#collect(byPeerTag);
      return;
    }
    if (this.#abortedWhileConnecting(packet)) return;
    this.#outOfTheBlue(packet, route);
  }

  #abortedWhileConnecting(packet: SctpPacket): boolean {
    const connecting = this.#connecting.get(packet.verificationTag);
    if (connecting === undefined || packet.chunks[0]?.type !== "ABORT") return false;
    this.#giveUpConnecting(connecting, "the peer refused the association");
    return true;
  }

  #giveUpConnecting(connecting: Connecting, reason: string): void {
    this.#connecting.delete(connecting.offer.tag);
    this.#outputs.notifications.push({
      association: connecting.offer.tag,
      notification: { type: "association-change", state: "cant-start", reason },
    });
  }

  #outOfTheBlue(packet: SctpPacket, route: Route): void {
    this.counters.outOfTheBlue += 1;
    const bytes = answerOutOfTheBlue(packet);
    if (bytes === undefined) return;
    this.#outputs.packets.push({ ...route, bytes, reason: "abort", dependsOn: 0, association: 0 });
  }

  /** Sections 5.1 B and 5.2.1, 5.2.2: INIT is answered without keeping state, whatever else exists. */
  #receiveInit(packet: SctpPacket, init: InitChunk, route: Route, nowMs: number): void {
    const flaw = initFlaw(init);
    if (packet.verificationTag !== 0 || !isAlone(packet.chunks) || flaw === "discard") {
      this.counters.badTag += 1;
      return;
    }
    const refusal = this.#refusal(packet, flaw);
    if (refusal !== undefined) {
      this.counters.refused += 1;
      const chunk = { type: "ABORT", tagReflected: false, causes: refusal } as const;
      this.#sendChunk(chunk, route, packet.sourcePort, init.initiateTag, "abort", packet.destinationPort);
      return;
    }
    const existing = this.#associationWith(route.remote, packet.sourcePort);
    const fields = initFields(newOffer(this.#random), this.#config.localAddresses, this.#config.parameters);
    const reports = unrecognizedParameters(init.parameters);
    const initAck: InitAckChunk = { type: "INIT_ACK", ...fields };
    const content: CookieContent = {
      createdAtMs: nowMs,
      lifeMs: this.#config.parameters.validCookieLifeMs,
      tieLocalTag: existing?.state.agreement.localTag ?? 0,
      tiePeerTag: existing?.state.agreement.peerTag ?? 0,
      peerPort: packet.sourcePort,
      localPort: packet.destinationPort,
      peerInit: init,
      localInitAck: initAck,
    };
    const cookie = sealCookie(content, this.#config.cookieKey);
    const parameters = [...initAck.parameters, { type: "STATE_COOKIE", cookie } as const, ...reports];
    this.#sendChunk({ ...initAck, parameters }, route, packet.sourcePort, init.initiateTag, "setup");
  }

  #refusal(packet: SctpPacket, flaw: "abort" | undefined): Cause[] | undefined {
    if (!this.#config.listening || packet.destinationPort !== this.#config.localPort) return [];
    if (flaw === "abort") return [{ type: "INVALID_MANDATORY_PARAMETER", code: 7 }];
    const full = this.#associations.size >= this.#config.parameters.maxAssociations;
    return full ? [{ type: "OUT_OF_RESOURCE", code: 4 }] : undefined;
  }

  #associationWith(peerAddress: string, peerPort: number): Association | undefined {
    for (const association of this.#associations.values()) {
      if (association.phase === "closed" || association.state.agreement.peerPort !== peerPort) continue;
      if (knowsAddress(association, peerAddress)) return association;
    }
    return undefined;
  }

  /** Section 5.1 C: the cookie goes back, and both tags are known. */
  #receiveInitAck(packet: SctpPacket, initAck: InitAckChunk, route: Route, nowMs: number): void {
    const connecting = this.#connecting.get(packet.verificationTag);
    // Section 5.2.3: an INIT ACK that nobody waits for is discarded.
    if (connecting === undefined || !isAlone(packet.chunks) || connecting.peerPort !== packet.sourcePort)
      return;
    const cookie = stateCookie(initAck);
    if (initFlaw(initAck) !== undefined || cookie === undefined) {
      this.#giveUpConnecting(connecting, "the peer's INIT ACK is not valid");
      return;
    }
    this.#connecting.delete(connecting.offer.tag);
    const agreement = agree({
      localPort: this.#config.localPort,
      peerPort: packet.sourcePort,
      localAddresses: this.#config.localAddresses,
      peerAddress: route.remote,
      local: initFields(connecting.offer, this.#config.localAddresses, this.#config.parameters),
      peer: initAck,
      maxPeerAddresses: this.#config.parameters.maxPeerAddresses,
    });
    const start = { phase: "cookie-echoed", peerAddress: route.remote, cookie: cookie.slice() } as const;
    this.#open(createAssociationState(agreement, start), nowMs);
  }

  #open(state: AssociationState, nowMs: number, cookieRoute?: Route): Association {
    const association = Association.open(state, this.#setting(), nowMs, cookieRoute);
    this.#associations.set(state.agreement.localTag, association);
    this.#collect(association);
    return association;
  }

  #setting(): AssociationSetting {
    const { ownAddress, parameters } = this.#config;
    return { localAddress: ownAddress, parameters, random: this.#random };
  }

  /** Sections 5.1 D and 5.2.4. */
  #receiveCookieEcho(packet: SctpPacket, echo: CookieEchoChunk, route: Route, nowMs: number): void {
    const content = openCookie(echo.cookie, this.#config.cookieKey);
    const matches =
      content !== undefined &&
      content.peerPort === packet.sourcePort &&
      content.localPort === packet.destinationPort &&
      content.localInitAck.initiateTag === packet.verificationTag;
    if (!matches) {
      this.counters.badCookie += 1;
      return;
    }
    const existing = this.#associations.get(packet.verificationTag);
    const known = existing !== undefined && existing.state.agreement.peerTag === content.peerInit.initiateTag;
    const stalenessMs = nowMs - content.createdAtMs - content.lifeMs;
    if (stalenessMs > 0 && !known) {
      const cause = { type: "STALE_COOKIE", code: 3, stalenessUs: Math.ceil(stalenessMs * 1000) } as const;
      const chunk = { type: "ERROR", causes: [cause] } as const;
      this.#sendChunk(chunk, route, packet.sourcePort, content.peerInit.initiateTag, "error");
      return;
    }
    const association = known ? existing : this.#acceptCookie(content, route, nowMs);
    if (known) association.cookieRepeated(route, nowMs);
    const rest = packet.chunks.slice(1);
    if (rest.length > 0) association.receive(rest, route, nowMs);
    this.#collect(association);
  }

  /** A new association, in the place of an older one with the same peer if that restarted (section 5.2.4, action A). */
  #acceptCookie(content: CookieContent, route: Route, nowMs: number): Association {
    const older = this.#associationWith(route.remote, content.peerPort);
    if (older !== undefined) this.#drop(older, "the peer restarted the association");
    const agreement = agree({
      localPort: content.localPort,
      peerPort: content.peerPort,
      localAddresses: this.#config.localAddresses,
      peerAddress: route.remote,
      local: content.localInitAck,
      peer: content.peerInit,
      maxPeerAddresses: this.#config.parameters.maxPeerAddresses,
    });
    const start = { phase: "established", peerAddress: route.remote } as const;
    return this.#open(createAssociationState(agreement, start), nowMs, route);
  }

  #drop(association: Association, reason: string): void {
    const { localTag } = association.state.agreement;
    this.#associations.delete(localTag);
    this.#outputs.notifications.push({
      association: localTag,
      notification: { type: "association-change", state: "restart", reason },
    });
  }

  /** Goes on with an association whose state was kept on another computer. */
  resume(state: AssociationState, nowMs: number): number {
    const association = Association.resume(state, this.#setting(), nowMs);
    this.#associations.set(state.agreement.localTag, association);
    this.#collect(association);
    return state.agreement.localTag;
  }

  send(handle: number, message: OutgoingMessage, nowMs: number): SendAnswer {
    const association = this.#associations.get(handle);
    if (association === undefined) return "not-connected";
    const answer = association.send(message, nowMs);
    this.#collect(association);
    return answer;
  }

  /** Bytes that the association holds for sending, queued and outstanding; 0 when it is unknown. */
  pendingBytes(handle: number): number {
    const send = this.#associations.get(handle)?.state.send;
    return send === undefined ? 0 : send.queuedBytes + send.outstandingBytes;
  }

  saveUserState(handle: number, userState: Uint8Array): void {
    const association = this.#associations.get(handle);
    if (association === undefined) return;
    association.saveUserState(userState);
    this.#collect(association);
  }

  shutdown(handle: number, nowMs: number): void {
    const association = this.#associations.get(handle);
    association?.shutdown(nowMs);
    if (association !== undefined) this.#collect(association);
  }

  abort(handle: number, reason: string, nowMs: number): void {
    const association = this.#associations.get(handle);
    association?.abort(reason, nowMs);
    if (association !== undefined) this.#collect(association);
  }

  state(handle: number): AssociationState | undefined {
    return this.#associations.get(handle)?.state;
  }

  /** Earliest instant at which `advance` has something to do, in milliseconds. */
  nextDeadlineMs(): number | undefined {
    let earliest: number | undefined;
    const consider = (atMs: number | undefined): void => {
      if (atMs !== undefined && (earliest === undefined || atMs < earliest)) earliest = atMs;
    };
    for (const connecting of this.#connecting.values()) consider(connecting.deadlineMs);
    for (const association of this.#associations.values()) consider(association.nextDeadlineMs());
    return earliest;
  }

  advance(nowMs: number): void {
    for (const connecting of [...this.#connecting.values()]) {
      if (connecting.deadlineMs > nowMs) continue;
      if (connecting.attempts > this.#config.parameters.maxInitRetransmits) {
        this.#giveUpConnecting(connecting, `no answer to ${connecting.attempts} INIT chunks`);
      } else this.#sendInit(connecting, nowMs);
    }
    for (const association of [...this.#associations.values()]) {
      const dueMs = association.nextDeadlineMs();
      if (dueMs === undefined || dueMs > nowMs) continue;
      association.advance(nowMs);
      this.#collect(association);
    }
  }

  takeOutputs(): EndpointOutputs {
    const outputs = this.#outputs;
    this.#outputs = { updates: [], packets: [], deliveries: [], notifications: [] };
    return outputs;
  }

  snapshot(): EndpointSnapshot {
    assert(this.#outputs.packets.length === 0, "outputs are taken before a snapshot");
    return {
      connecting: [...this.#connecting.values()].map((each) => ({ ...each })),
      associations: [...this.#associations.values()].map((each) => each.snapshot()),
    };
  }

  /** Goes on from a snapshot as if nothing had happened. */
  static restore(snapshot: EndpointSnapshot, config: EndpointConfig, random: RandomSource): Endpoint {
    const endpoint = new Endpoint(config, random);
    for (const connecting of snapshot.connecting) {
      endpoint.#connecting.set(connecting.offer.tag, { ...connecting });
    }
    for (const each of snapshot.associations) {
      const association = Association.restore(each, config.parameters, random);
      endpoint.#associations.set(each.state.agreement.localTag, association);
    }
    return endpoint;
  }

  #collect(association: Association): void {
    const handle = association.state.agreement.localTag;
    const outputs = association.takeOutputs();
    for (const each of outputs.updates) this.#outputs.updates.push({ ...each, association: handle });
    for (const each of outputs.packets) this.#outputs.packets.push({ ...each, association: handle });
    for (const each of outputs.deliveries) this.#outputs.deliveries.push({ ...each, association: handle });
    for (const notification of outputs.notifications) {
      this.#outputs.notifications.push({ association: handle, notification });
    }
    if (association.phase === "closed") this.#associations.delete(handle);
  }

  #sendChunk(
    chunk: Chunk,
    route: Route,
    peerPort: number,
    verificationTag: number,
    reason: PacketReason,
    localPort: number = this.#config.localPort,
  ): void {
    const bytes = writePacket({
      sourcePort: localPort,
      destinationPort: peerPort,
      verificationTag,
      chunks: [chunk],
    });
    this.#outputs.packets.push({ ...route, bytes, reason, dependsOn: 0, association: 0 });
  }
}

const knowsAddress = (association: Association, address: string): boolean =>
  association.state.agreement.peerAddresses.includes(address);
