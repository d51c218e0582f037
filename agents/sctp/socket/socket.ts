import { openRequests } from "../association/asconf-state.ts";
import { KeyRing } from "../association/key-ring.ts";
import type { OutgoingMessage } from "../association/outgoing-message.ts";
import type { ProtocolParameters } from "../base/parameters.ts";
import type { RandomSource } from "../base/random.ts";
import type { EndpointConfig } from "../endpoint/core.ts";
import { Endpoint } from "../endpoint/endpoint.ts";
import type { Errno } from "./errno.ts";
import type { AssociationId, EventName } from "./messages.ts";
import { ReceiveQueue } from "./receive-queue.ts";

/** SOCK_STREAM and SOCK_SEQPACKET (RFC 6458 sections 3 and 4). */
export type SocketStyle = "one-to-one" | "one-to-many";
export type AddressFamily = "ipv4" | "ipv6";

/** An association as the API sees it. It outlives the socket while it shuts down. */
export interface SocketAssociation {
  readonly id: AssociationId;
  /** Its handle at the endpoint; another one after a restart of the peer. */
  handle: number;
  readonly port: Port;
  /** Where the peer was called, or was when it called. */
  readonly peer: { readonly addresses: readonly string[]; readonly port: number };
  /** Undefined: the user has closed it. */
  socket: Socket | undefined;
  phase: "setting-up" | "up" | "ended";
  /** SHUTDOWN follows once it is set up and what was given for sending is on its way. */
  shutdownWanted: boolean;
  /** The peer has ended in order: all that it sent was delivered. */
  peerFinished: boolean;
  /** Messages given before there was an association that could take them. */
  readonly unsent: OutgoingMessage[];
  unsentBytes: number;
}

export interface Socket {
  /** 0: waits to be accepted. */
  descriptor: number;
  readonly style: SocketStyle;
  readonly family: AddressFamily;
  port: Port | undefined;
  /** Associations that may wait to be accepted; 0: not listening. */
  backlog: number;
  readonly acceptQueue: Socket[];
  /** Living associations; a one-to-one socket has one at most. */
  readonly associations: Map<AssociationId, SocketAssociation>;
  readonly queue: ReceiveQueue;
  /** For associations to come, and of the one that a one-to-one socket has. */
  parameters: ProtocolParameters;
  /** Shared keys of associations to come (RFC 4895), until it has a port. */
  readonly keys: KeyRing;
  readonly events: Set<EventName>;
  /** SCTP_CONTEXT. */
  context: number;
  /** SO_ERROR, until somebody asks for it. */
  error: Errno | undefined;
  /** How the association of a one-to-one socket ended. */
  ended: Errno | "in-order" | undefined;
  readClosed: boolean;
  writeClosed: boolean;
}

/** A socket that inherits what was set at another one, or with parameters alone. */
export function createSocket(
  style: SocketStyle,
  family: AddressFamily,
  from: { readonly parameters: ProtocolParameters; readonly events?: Iterable<EventName>; context?: number },
): Socket {
  return {
    descriptor: 0,
    style,
    family,
    port: undefined,
    backlog: 0,
    acceptQueue: [],
    associations: new Map(),
    queue: new ReceiveQueue(),
    parameters: from.parameters,
    keys: new KeyRing(),
    events: new Set(from.events),
    context: from.context ?? 0,
    error: undefined,
    ended: undefined,
    readClosed: false,
    writeClosed: false,
  };
}

/** The association of a one-to-one socket; of a one-to-many socket the only one that it has. */
export function onlyAssociation(socket: Socket): SocketAssociation | undefined {
  const [first] = socket.associations.values();
  return socket.associations.size === 1 ? first : undefined;
}

/** An SCTP port on some of our addresses: one endpoint, the socket bound to it and its associations. */
export class Port {
  readonly number: number;
  /** Of associations to come. */
  addresses: readonly string[];
  /** Addresses that were added or taken away while there were associations, some of which may use them. */
  readonly alsoServed: Set<string> = new Set<string>();
  readonly endpoint: Endpoint;
  /** The socket that is bound; undefined when it was closed and associations of it live on. */
  owner: Socket | undefined;
  /** By their handles at the endpoint. */
  readonly associations: Map<number, SocketAssociation> = new Map<number, SocketAssociation>();
  /** Associations with messages that they could not take yet. */
  readonly waiting: Set<SocketAssociation> = new Set<SocketAssociation>();
  parameters: ProtocolParameters;

  constructor(
    number: number,
    addresses: readonly string[],
    parameters: ProtocolParameters,
    cookieKey: Uint8Array,
    random: RandomSource,
  ) {
    this.number = number;
    this.addresses = addresses;
    this.parameters = parameters;
    this.endpoint = new Endpoint(configOf(this, cookieKey), random);
  }

  /** Parameters of associations to come. */
  configure(parameters: ProtocolParameters): void {
    this.parameters = parameters;
    this.endpoint.configure(parameters);
  }

  /** A new association is welcome where somebody listens and the accept queue has room; ask after each change. */
  updateListening(): void {
    const { owner } = this;
    const listens = owner !== undefined && owner.backlog > 0;
    this.endpoint.listening =
      listens && (owner.style === "one-to-many" || owner.acceptQueue.length < owner.backlog);
  }

  /** Whether packets to this address are for this port. */
  serves(address: string): boolean {
    if (this.addresses.includes(address)) return true;
    if (!this.alsoServed.has(address)) return false;
    for (const handle of this.associations.keys()) {
      const state = this.endpoint.state(handle);
      if (state?.agreement.localAddresses.includes(address) === true) return true;
      // The peer may use it before we have its answer (RFC 5061 section 5.3).
      if (state !== undefined && openRequests(state.asconf).some((each) => each.address === address))
        return true;
    }
    this.alsoServed.delete(address);
    return false;
  }

  /** The association with this peer, in whatever state. */
  associationWith(addresses: readonly string[], peerPort: number): SocketAssociation | undefined {
    for (const association of this.associations.values()) {
      const agreement = this.endpoint.state(association.handle)?.agreement;
      const known = agreement?.peerAddresses ?? association.peer.addresses;
      if ((agreement?.peerPort ?? association.peer.port) !== peerPort) continue;
      if (addresses.some((address) => known.includes(address))) return association;
    }
    return undefined;
  }
}

/** Addresses are looked up each time that they matter. */
function configOf(port: Port, cookieKey: Uint8Array): EndpointConfig {
  return {
    localPort: port.number,
    cookieKey,
    holdsDeliveries: true,
    describesUpdates: false,
    get localAddresses() {
      return port.addresses;
    },
    get ownAddress() {
      return port.addresses[0] ?? "";
    },
    listening: false,
    parameters: port.parameters,
  };
}
