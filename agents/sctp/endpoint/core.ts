import type { ProtocolParameters } from "../base/parameters.ts";
import type { RandomSource } from "../base/random.ts";
import { Association } from "../association/association.ts";
import type { AssociationSetting, AssociationSnapshot } from "../association/core.ts";
import type { PacketReason, Route } from "../association/outputs.ts";
import { Outputs } from "../association/outputs.ts";
import type { AssociationState } from "../association/state.ts";
import { DeadlineQueue } from "../timer/deadline-queue.ts";
import type { Chunk } from "../wire/index.ts";
import { PacketArena, writePacket } from "../wire/index.ts";
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
  /** Deliveries fill the receive window until `consumed` is called; without it the user takes them at once. */
  readonly holdsDeliveries?: boolean;
  /** Whether updates are handed out (the default). Without them nobody can follow, and less is to be done. */
  readonly describesUpdates?: boolean;
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
  readonly outputs: Outputs = new Outputs();
  /** Parameters of associations to come. */
  parameters: ProtocolParameters;
  readonly #arena: PacketArena = new PacketArena();
  /** Associations whose packets are still to be made. */
  readonly #touched: Set<Association> = new Set<Association>();
  readonly #deadlines: DeadlineQueue = new DeadlineQueue();

  constructor(config: EndpointConfig, random: RandomSource) {
    this.config = config;
    this.random = random;
    this.parameters = config.parameters;
    this.sources = [config.ownAddress];
  }

  unusedOffer(): LocalOffer {
    let offer = newOffer(this.random);
    while (this.associations.has(offer.tag) || this.connecting.has(offer.tag)) offer = newOffer(this.random);
    return offer;
  }

  open(state: AssociationState, nowMs: number, cookieRoute?: Route): Association {
    const association = Association.open(state, this.setting, nowMs, cookieRoute);
    this.add(association);
    return association;
  }

  /** Takes an association in that was opened, resumed or restored. */
  add(association: Association): void {
    association.useSources(this.sources);
    this.associations.set(association.state.agreement.localTag, association);
    this.collect(association);
  }

  get setting(): AssociationSetting {
    const { ownAddress, holdsDeliveries = false, describesUpdates = true } = this.config;
    return {
      localAddress: ownAddress,
      parameters: this.parameters,
      random: this.random,
      outputs: this.outputs,
      arena: this.#arena,
      describesUpdates,
      holdsDeliveries,
    };
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

  /** The association with this peer address and tag of the peer. */
  associationTo(peerAddress: string, peerPort: number, peerTag: number): Association | undefined {
    for (const association of this.associations.values()) {
      const { agreement } = association.state;
      const same = agreement.peerTag === peerTag && agreement.peerPort === peerPort;
      if (same && knowsAddress(association, peerAddress)) return association;
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

  /** Something happened to an association: its packets are made before anybody looks. */
  collect(association: Association): void {
    this.#touched.add(association);
    if (association.phase === "closed") this.settle();
  }

  /** Makes the waiting packets, and notes when each association is to be called again. */
  settle(): void {
    for (const association of this.#touched) {
      association.flush();
      const { localTag } = association.state.agreement;
      if (association.phase !== "closed") {
        this.#deadlines.set(localTag, association.nextDeadlineMs());
        continue;
      }
      // Another association may have taken its place under the same tag.
      if (this.associations.get(localTag) !== association) continue;
      this.associations.delete(localTag);
      this.#deadlines.set(localTag, undefined);
    }
    this.#touched.clear();
  }

  earliestDeadlineMs(): number | undefined {
    this.settle();
    return this.#deadlines.earliestMs();
  }

  /** Calls the associations whose time has come. */
  advanceDue(nowMs: number): void {
    this.settle();
    for (let due = this.#deadlines.takeDue(nowMs); due !== undefined; due = this.#deadlines.takeDue(nowMs)) {
      const association = this.associations.get(due);
      if (association === undefined) continue;
      association.advance(nowMs);
      this.collect(association);
      this.settle();
    }
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
