import type { ProtocolParameters } from "../base/parameters.ts";
import type { RandomSource } from "../base/random.ts";
import type { OutboundPacket } from "../association/outputs.ts";
import type { Socket, SocketAssociation } from "./socket.ts";
import { Port } from "./socket.ts";

export interface SocketStackConfig {
  /** All addresses of this host that sockets may use. */
  readonly localAddresses: readonly string[];
  /** What sockets start with. */
  readonly parameters: ProtocolParameters;
  /** Seals state cookies: 32 random bytes that nobody else knows (RFC 9260 section 5.1.3). */
  readonly cookieKey: Uint8Array;
}

/** What all calls of one stack share. */
export class StackCore {
  readonly config: SocketStackConfig;
  readonly random: RandomSource;
  /** By descriptor. */
  readonly sockets: Map<number, Socket> = new Map<number, Socket>();
  /** Ports of one number lie on different addresses. */
  readonly ports: Map<number, Port[]> = new Map<number, Port[]>();
  /** Ports that something happened to since their outputs were taken. */
  readonly touched: Set<Port> = new Set<Port>();
  /** Those of them where a packet, a timer or an abort may have changed what sockets do not know yet. */
  readonly unheard: Set<Port> = new Set<Port>();
  packets: OutboundPacket[] = [];
  /** The instant of the call that is being worked on. */
  nowMs: number = 0;
  /** Answers for ports that nobody has (RFC 9260 section 8.4). */
  readonly nobody: Port;
  #descriptors: number = 2;
  #associations: number = 0;

  constructor(config: SocketStackConfig, random: RandomSource) {
    this.config = config;
    this.random = random;
    this.nobody = this.makePort(0, config.localAddresses, config.parameters);
  }

  makePort(number: number, addresses: readonly string[], parameters: ProtocolParameters): Port {
    return new Port(number, addresses, parameters, this.config.cookieKey, this.random);
  }

  /** Gives a socket its descriptor, an integer above 2. */
  open(socket: Socket): number {
    this.#descriptors += 1;
    socket.descriptor = this.#descriptors;
    this.sockets.set(socket.descriptor, socket);
    return socket.descriptor;
  }

  addAssociation(
    port: Port,
    handle: number,
    peer: SocketAssociation["peer"],
    socket: Socket,
  ): SocketAssociation {
    this.#associations += 1;
    const association: SocketAssociation = {
      id: this.#associations,
      handle,
      port,
      peer,
      socket,
      phase: "setting-up",
      shutdownWanted: false,
      peerFinished: false,
      unsent: [],
      unsentBytes: 0,
    };
    port.associations.set(handle, association);
    socket.associations.set(association.id, association);
    return association;
  }

  /** The port to which a packet is addressed; a new association needs an address that is bound. */
  portOf(number: number, address: string, isInit: boolean): Port {
    const ports = this.ports.get(number) ?? [];
    const bound = ports.find((each) => each.addresses.includes(address));
    const port = isInit ? bound : (bound ?? ports.find((each) => each.serves(address)));
    return port ?? this.nobody;
  }

  /** A port that nobody is bound to and that no association needs is free again. */
  releaseUnused(port: Port): void {
    if (port === this.nobody || port.owner !== undefined || port.associations.size > 0) return;
    const others = this.ports.get(port.number)?.filter((each) => each !== port) ?? [];
    if (others.length > 0) this.ports.set(port.number, others);
    else this.ports.delete(port.number);
  }
}
