import type { ProtocolParameters } from "../base/parameters.ts";
import type { RandomSource } from "../base/random.ts";
import { Association } from "../association/association.ts";
import { Authenticator } from "../association/authenticator.ts";
import type { AssociationSetting } from "../association/core.ts";
import type { AssociationSnapshot } from "../association/snapshot.ts";
import type { KeyRingSnapshot } from "../association/key-ring.ts";
import { KeyRing } from "../association/key-ring.ts";
import type { Notification, PacketReason, Route } from "../association/outputs.ts";
import type { OutgoingMessage } from "../association/outgoing-message.ts";
import { Outputs } from "../association/outputs.ts";
import { isUnicast } from "../association/peer-address.ts";
import type { Agreement, AssociationState } from "../association/state.ts";
import { DeadlineQueue } from "../timer/deadline-queue.ts";
import type { Chunk, InitChunk } from "../wire/index.ts";
import { PacketArena, writePacket } from "../wire/index.ts";
import { AssociationTable } from "./association-table.ts";
import type { Call } from "./call-table.ts";
import { CallTable } from "./call-table.ts";
import type { CookieKeysSnapshot } from "./cookie-keys.ts";
import { CookieKeys } from "./cookie-keys.ts";
import type { LocalOffer } from "./offer.ts";
import { addressType, initChunk, newOffer } from "./offer.ts";
import { RetiredTags } from "./retired-tags.ts";

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
  /** Chunks in one packet that must not be. */
  badBundle: number;
  outOfTheBlue: number;
  badCookie: number;
  refused: number;
}

export interface EndpointSnapshot {
  /** Of associations to come. */
  readonly parameters: ProtocolParameters;
  readonly nowMs: number;
  readonly sources: readonly string[];
  readonly listening: boolean;
  readonly cookieKeys: CookieKeysSnapshot;
  readonly keys: KeyRingSnapshot;
  readonly retiredTags: readonly (readonly [tag: number, untilMs: number])[];
  /** Calls in COOKIE-WAIT. */
  readonly connecting: readonly Call[];
  /** Calls in COOKIE-ECHOED, beside their associations. */
  readonly echoing: readonly Call[];
  readonly associations: readonly AssociationSnapshot[];
}

/** What the handlers of one endpoint share: its associations, those that are being called, and the outputs. */
export class EndpointCore {
  readonly config: EndpointConfig;
  readonly random: RandomSource;
  readonly associations: AssociationTable = new AssociationTable();
  /** COOKIE-WAIT (RFC 9260 section 4). */
  readonly calls: CallTable = new CallTable();
  /** COOKIE-ECHOED: how the association was called, by its tag. */
  readonly echoing: Map<number, Call> = new Map<number, Call>();
  readonly retiredTags: RetiredTags = new RetiredTags();
  readonly cookieKeys: CookieKeys;
  /** Shared keys that new associations begin with (RFC 4895). */
  keys: KeyRing = new KeyRing();
  readonly counters: EndpointCounters = {
    unparsable: 0,
    badChecksum: 0,
    badTag: 0,
    badBundle: 0,
    outOfTheBlue: 0,
    badCookie: 0,
    refused: 0,
  };
  /** Our addresses from which packets can leave. */
  sources: readonly string[];
  /** Whether INIT from outside is welcome. */
  listening: boolean;
  /** Instant of the last packet, in milliseconds. */
  nowMs: number = 0;
  readonly outputs: Outputs = new Outputs();
  /** Calls the peer of an association again that was withdrawn. */
  restart: (association: Association, waiting: readonly OutgoingMessage[]) => void = () => undefined;
  /** Parameters of associations to come. */
  parameters: ProtocolParameters;
  /** Addresses of ours at which nobody is now. */
  away: readonly string[] = [];
  readonly #arena: PacketArena = new PacketArena();
  /** The way of the last packet whose addresses were found good: nearly all come the same way. */
  #goodRoute: Route | undefined;
  /** Associations whose packets are still to be made. */
  readonly #touched: Set<Association> = new Set<Association>();
  readonly #deadlines: DeadlineQueue = new DeadlineQueue();

  constructor(config: EndpointConfig, random: RandomSource) {
    this.config = config;
    this.random = random;
    this.parameters = config.parameters;
    this.sources = [config.ownAddress];
    this.listening = config.listening;
    this.cookieKeys = new CookieKeys(config.cookieKey);
  }

  unusedOffer(parameters: ProtocolParameters): LocalOffer {
    let offer = newOffer(this.random, parameters);
    while (this.#isUsed(offer.tag)) offer = newOffer(this.random, parameters);
    return offer;
  }

  #isUsed(tag: number): boolean {
    const lives = this.associations.has(tag) || this.calls.get(tag) !== undefined;
    return lives || this.retiredTags.has(tag, this.nowMs);
  }

  open(
    state: AssociationState,
    nowMs: number,
    start: { readonly cookieRoute?: Route; readonly parameters?: ProtocolParameters },
  ): Association {
    const { cookieRoute, parameters = this.parameters } = start;
    const association = Association.open(state, { ...this.setting, parameters }, nowMs, cookieRoute);
    this.add(association);
    return association;
  }

  /** Judges COOKIE ECHO of a peer with which there is no association yet. */
  authenticatorFor({ authentication }: Agreement): Authenticator | undefined {
    return authentication && new Authenticator(authentication, this.keys, []);
  }

  /** Whether a packet came from one computer and was meant for one: no broadcast, no multicast (section 8.4, rule 1). */
  joinsSingleHosts(route: Route): boolean {
    const good = this.#goodRoute;
    if (good?.remote === route.remote && good.local === route.local) return true;
    if (!isUnicast(route.remote) || !isUnicast(route.local)) return false;
    this.#goodRoute = route;
    return true;
  }

  get isFull(): boolean {
    return this.associations.size + this.calls.size >= this.parameters.maxAssociations;
  }

  /** Whether something exists or is being set up with a peer that has this address, or says so. */
  knowsPeer(address: string, peerPort: number): boolean {
    return (
      this.associations.at(address, peerPort).length > 0 || this.calls.to(address, peerPort) !== undefined
    );
  }

  /** Our address from which a packet to `remote` can leave; undefined where we have none of that family. */
  sourceFor(remote: string): string | undefined {
    const type = addressType(remote);
    const { ownAddress, localAddresses } = this.config;
    return [ownAddress, ...this.sources, ...localAddresses].find((address) => addressType(address) === type);
  }

  /** The INIT that a call sends. */
  initOf({ offer, parameters, cookieIncrementMs }: Call): InitChunk {
    return initChunk(offer, this.config.localAddresses, parameters, cookieIncrementMs);
  }

  /** A cookie lives at most twice as long as usual, whatever INIT asks for (RFC 5062 section 6.3). */
  cookieLifeMs(incrementMs: number): number {
    const { validCookieLifeMs } = this.parameters;
    return validCookieLifeMs + Math.min(incrementMs, validCookieLifeMs);
  }

  notify(association: number, notification: Notification): void {
    this.outputs.notifications.push({ association, notification });
  }

  /** Takes an association in that was opened or resumed. */
  add(association: Association): void {
    association.useSources(this.sources);
    this.#enter(association);
    this.collect(association);
  }

  /** Takes an association in as a snapshot left it: it has nothing to do before something happens, and knows from where it sends. */
  addRestored(association: Association): void {
    this.#enter(association);
    this.#deadlines.set(association.state.agreement.localTag, association.nextDeadlineMs());
  }

  #enter(association: Association): void {
    this.retiredTags.delete(association.state.agreement.localTag);
    this.associations.add(association);
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
      keys: this.keys.snapshot(),
    };
  }

  /** Something happened to an association: its packets are made before anybody looks. */
  collect(association: Association): void {
    this.#touched.add(association);
    if (association.phase === "closed") this.settle();
  }

  /** Makes the waiting packets, and notes when each association is to be called again. */
  settle(): void {
    const restarting: { readonly association: Association; readonly waiting: readonly OutgoingMessage[] }[] =
      [];
    for (const association of this.#touched) {
      association.flush();
      if (association.restartWanted !== undefined && association.phase !== "closed") {
        restarting.push({ association, waiting: association.withdraw(this.nowMs) });
      }
      const { localTag } = association.state.agreement;
      if (association.phase !== "closed") {
        this.#deadlines.set(localTag, association.nextDeadlineMs());
        continue;
      }
      // Another association may have taken its place under the same tag.
      if (this.associations.get(localTag) !== association) continue;
      this.associations.delete(localTag);
      this.echoing.delete(localTag);
      this.retiredTags.add(localTag, this.nowMs + 2 * this.parameters.validCookieLifeMs);
      this.#deadlines.set(localTag, undefined);
    }
    this.#touched.clear();
    for (const { association, waiting } of restarting) this.restart(association, waiting);
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
