import type { ProtocolParameters } from "../base/parameters.ts";
import type { RandomSource } from "../base/random.ts";
import type { AssociationSetting } from "../association/association.ts";
import { Association } from "../association/association.ts";
import type { AssociationSnapshot, Route } from "../association/core.ts";
import type { Delivery, Notification, OutboundPacket, PacketReason } from "../association/outputs.ts";
import type { AssociationState } from "../association/state.ts";
import type { NumberedUpdate } from "../association/updates.ts";
import type { Chunk } from "../wire/index.ts";
import { writePacket } from "../wire/index.ts";
import { newOffer } from "./handshake.ts";
import type { LocalOffer } from "./handshake.ts";

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
export interface Connecting {
  readonly offer: LocalOffer;
  readonly peerPort: number;
  readonly route: Route;
  attempts: number;
  timeoutMs: number;
  deadlineMs: number;
}

export interface EndpointSnapshot {
  readonly sources: readonly string[];
  readonly connecting: readonly Connecting[];
  readonly associations: readonly AssociationSnapshot[];
}

export const emptyEndpointOutputs = (): EndpointOutputs => ({
  updates: [],
  packets: [],
  deliveries: [],
  notifications: [],
});

/** What the handlers of one endpoint share: its associations, those that are being called, and the outputs. */
export class EndpointCore {
  readonly config: EndpointConfig;
  readonly random: RandomSource;
  readonly associations: Map<number, Association> = new Map<number, Association>();
  readonly connecting: Map<number, Connecting> = new Map<number, Connecting>();
  readonly counters: EndpointCounters = {
    unparsable: 0,
    badChecksum: 0,
    badTag: 0,
    outOfTheBlue: 0,
    badCookie: 0,
    refused: 0,
  };
  /** Our addresses from which packets can leave. */
  sources: readonly string[];
  outputs: EndpointOutputs = emptyEndpointOutputs();

  constructor(config: EndpointConfig, random: RandomSource) {
    this.config = config;
    this.random = random;
    this.sources = [config.ownAddress];
  }

  unusedOffer(): LocalOffer {
    let offer = newOffer(this.random);
    while (this.associations.has(offer.tag) || this.connecting.has(offer.tag)) offer = newOffer(this.random);
    return offer;
  }

  open(state: AssociationState, nowMs: number, cookieRoute?: Route): Association {
    const association = Association.open(state, this.setting, nowMs, cookieRoute);
    association.useSources(this.sources);
    this.associations.set(state.agreement.localTag, association);
    this.collect(association);
    return association;
  }

  get setting(): AssociationSetting {
    const { ownAddress, parameters } = this.config;
    return { localAddress: ownAddress, parameters, random: this.random };
  }

  /**
   * The association to which one of these addresses belongs (section 5.1.2 D). Addresses that a peer
   * only claims do not count: nobody can get in the way of a stranger by naming its address.
   */
  associationWith(addresses: readonly string[], peerPort: number): Association | undefined {
    for (const association of this.associations.values()) {
      if (association.phase === "closed" || association.state.agreement.peerPort !== peerPort) continue;
      const { confirmedAddresses } = association.state;
      if (addresses.some((address) => confirmedAddresses.has(address))) return association;
    }
    return undefined;
  }

  connectingTo(peerAddress: string, peerPort: number): Connecting | undefined {
    for (const connecting of this.connecting.values()) {
      if (connecting.peerPort === peerPort && connecting.route.remote === peerAddress) return connecting;
    }
    return undefined;
  }

  giveUpConnecting(connecting: Connecting, reason: string): void {
    this.connecting.delete(connecting.offer.tag);
    this.outputs.notifications.push({
      association: connecting.offer.tag,
      notification: { type: "association-change", state: "cant-start", reason },
    });
  }

  collect(association: Association): void {
    const handle = association.state.agreement.localTag;
    const outputs = association.takeOutputs();
    for (const each of outputs.updates) this.outputs.updates.push({ ...each, association: handle });
    for (const each of outputs.packets) this.outputs.packets.push({ ...each, association: handle });
    for (const each of outputs.deliveries) this.outputs.deliveries.push({ ...each, association: handle });
    for (const notification of outputs.notifications) {
      this.outputs.notifications.push({ association: handle, notification });
    }
    if (association.phase === "closed") this.associations.delete(handle);
  }

  sendChunk(
    chunk: Chunk,
    route: Route,
    peerPort: number,
    verificationTag: number,
    reason: PacketReason,
    localPort: number = this.config.localPort,
  ): void {
    const bytes = writePacket({
      sourcePort: localPort,
      destinationPort: peerPort,
      verificationTag,
      chunks: [chunk],
    });
    this.outputs.packets.push({ ...route, bytes, reason, dependsOn: 0, association: 0 });
  }
}

/** The peer has this address, or says so. */
export const knowsAddress = (association: Association, address: string): boolean =>
  association.state.agreement.peerAddresses.includes(address);
