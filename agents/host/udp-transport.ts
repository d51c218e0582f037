import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { bindProblem } from "./bind-problem.ts";
import type {
  PacketTransport,
  SendPacket,
  TransportCounters,
  TransportHandlers,
} from "./packet-transport.ts";
import { RouteCache, newTransportCounters } from "./packet-transport.ts";
import { plainBytes } from "./plain-bytes.ts";

const socketBufferBytes = 1024 * 1024;

export interface UdpOptions {
  /** The local address, IPv4 or IPv6. */
  readonly address: string;
  /** The local port; 0: any free one. */
  readonly udpPort: number;
  /** Where packets go whose route names no port; default: the local port. */
  readonly remotePort?: number;
  /** For one peer only: the socket is connected, which is cheaper, and packets of others do not arrive. */
  readonly peer?: { readonly address: string; readonly port: number };
}

/** SCTP over UDP (RFC 6951) by `node:dgram`: works wherever Node does. */
export class UdpTransport implements PacketTransport {
  readonly gathers: boolean = false;
  readonly #socket: Socket;
  readonly #address: string;
  readonly #remotePort: number;
  readonly #connected: boolean;
  readonly #counters: TransportCounters = newTransportCounters();
  #closed: boolean = false;

  private constructor(socket: Socket, options: UdpOptions) {
    this.#socket = socket;
    this.#address = options.address;
    this.#remotePort = options.remotePort ?? options.udpPort;
    this.#connected = options.peer !== undefined;
  }

  /** Rejects with one sentence when the address or port cannot be had. */
  static async open(options: UdpOptions): Promise<UdpTransport> {
    const { address, udpPort, peer } = options;
    const isV6 = address.includes(":");
    const socket = createSocket({
      type: isV6 ? "udp6" : "udp4",
      ipv6Only: isV6,
      recvBufferSize: socketBufferBytes,
      sendBufferSize: socketBufferBytes,
      // All addresses are numbers already: what Node does by default costs another turn for each packet.
      lookup: (host, _options, done) => done(null, host, isV6 ? 6 : 4),
    });
    const transport = new UdpTransport(socket, options);
    try {
      // Without a look-up these answer before they return.
      const listening = once(socket, "listening");
      socket.bind(udpPort, address);
      await listening;
      if (peer !== undefined) {
        const connected = once(socket, "connect");
        socket.connect(peer.port, peer.address);
        await connected;
      }
    } catch (error) {
      socket.close();
      const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
      throw new Error(bindProblem(code, address, udpPort), { cause: error });
    }
    // Errors after binding are those of single packets (no route, link down): for SCTP that is loss.
    socket.on("error", () => (transport.#counters.sendErrors += 1));
    return transport;
  }

  get counters(): Readonly<TransportCounters> {
    return this.#counters;
  }

  get udpPort(): number {
    return this.#socket.address().port;
  }

  start(handlers: TransportHandlers): void {
    const routes = new RouteCache(this.#address);
    this.#socket.on("message", (bytes, from) => {
      if (this.#closed) return;
      this.#counters.received += 1;
      handlers.onPackets([{ bytes: plainBytes(bytes), route: routes.route(from.address, from.port) }]);
    });
  }

  has(localAddress: string): boolean {
    return localAddress === this.#address;
  }

  send(packets: readonly SendPacket[]): void {
    if (this.#closed) return;
    for (const { bytes, remote, remotePort } of packets) {
      if (this.#connected) this.#socket.send(bytes, this.#sent);
      else this.#socket.send(bytes, remotePort ?? this.#remotePort, remote, this.#sent);
    }
  }

  readonly #sent = (error: Error | null): void => {
    if (error === null) this.#counters.sent += 1;
    else this.#counters.sendErrors += 1;
  };

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}
