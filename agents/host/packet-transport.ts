import type { IcmpReport, OutboundPacket, Route } from "../sctp/index.ts";

/** An SCTP packet from the network. The bytes are the receiver's for good: nobody writes to them again. */
export interface ReceivedPacket {
  readonly bytes: Uint8Array;
  readonly route: Route;
  /** True when a router on the way marked it (RFC 3168, CE). */
  readonly congestionExperienced?: boolean;
}

/** A packet to send. Without `remotePort` it goes to the port that the transport was given. */
export type SendPacket = Pick<OutboundPacket, "bytes" | "local" | "remote" | "remotePort" | "probe">;

export interface TransportHandlers {
  /** Whatever was read at once, in the order in which it arrived; never empty. */
  onPackets(packets: readonly ReceivedPacket[]): void;
  onIcmp(report: IcmpReport): void;
}

/** What became of packets beside being sent and received. For SCTP all of it is loss on the way. */
export interface TransportCounters {
  sent: number;
  received: number;
  /** The operating system refused the packet: no route, interface down, wrong address family. */
  sendErrors: number;
  /** There was no room: the operating system's buffer and the queue behind it were full. */
  sendDrops: number;
  /** Longer than the receive buffer, or too short to be a packet. */
  receiveDrops: number;
}

export const newTransportCounters = (): TransportCounters => ({
  sent: 0,
  received: 0,
  sendErrors: 0,
  sendDrops: 0,
  receiveDrops: 0,
});

/** The way of SCTP packets to and from the network, at one local address. */
export interface PacketTransport {
  /** Nothing is handed over before this is called; called once. */
  start(handlers: TransportHandlers): void;
  /** Everything that has arrived is handed over in one call, so that an answer gains nothing by waiting for more. */
  readonly gathers: boolean;
  /** Whether packets from this address leave here. */
  has(localAddress: string): boolean;
  /**
   * Hands packets to the operating system, in order. The array is the caller's again at once; the bytes must
   * not change any more. Never throws for what the network does: that is counted and otherwise loss.
   */
  send(packets: readonly SendPacket[]): void;
  /** No handler is called afterwards. Calling it again does nothing. */
  close(): void;
  readonly counters: Readonly<TransportCounters>;
}

/** Strangers must not fill the memory. */
const maxRoutes = 1024;

/** One Route object for each remote end, rather than one for each packet. */
export class RouteCache {
  readonly #local: string;
  readonly #routes: Map<string, Route> = new Map<string, Route>();
  #last: Route;

  constructor(local: string) {
    this.#local = local;
    this.#last = { local, remote: "", remotePort: 0 };
  }

  route(remote: string, remotePort: number): Route {
    const last = this.#last;
    if (last.remotePort === remotePort && last.remote === remote) return last;
    const key = `${remote} ${remotePort}`;
    let route = this.#routes.get(key);
    if (route === undefined) {
      route = { local: this.#local, remote, remotePort };
      if (this.#routes.size >= maxRoutes) this.#routes.clear();
      this.#routes.set(key, route);
    }
    this.#last = route;
    return route;
  }
}
