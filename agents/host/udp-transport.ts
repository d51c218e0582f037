import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import type { Route } from "../sctp/index.ts";
import { plainBytes } from "./plain-bytes.ts";

const maxRemotePorts = 4096;

/** SCTP over UDP (RFC 6951): one socket, bound to one address; the peer's UDP port is learned from its packets. */
export class UdpTransport {
  readonly #socket: Socket;
  readonly #ownAddress: string;
  readonly #udpPort: number;
  /** RFC 6951 section 5.4: the port that a remote address last used. */
  readonly #remotePorts: Map<string, number> = new Map<string, number>();

  private constructor(socket: Socket, ownAddress: string, udpPort: number) {
    this.#socket = socket;
    this.#ownAddress = ownAddress;
    this.#udpPort = udpPort;
  }

  /** Rejects with one sentence when the address or port cannot be had. */
  static async open(
    ownAddress: string,
    udpPort: number,
    onPacket: (bytes: Uint8Array, route: Route) => void,
  ): Promise<UdpTransport> {
    const socket = createSocket({
      type: ownAddress.includes(":") ? "udp6" : "udp4",
      recvBufferSize: 1024 * 1024,
      sendBufferSize: 1024 * 1024,
    });
    const transport = new UdpTransport(socket, ownAddress, udpPort);
    socket.bind(udpPort, ownAddress);
    try {
      await once(socket, "listening");
    } catch (error) {
      throw new Error(bindProblem(error, ownAddress, udpPort), { cause: error });
    }
    socket.on("message", (bytes, from) => {
      transport.#learn(from.address, from.port);
      onPacket(plainBytes(bytes), { local: ownAddress, remote: from.address });
    });
    // Errors after binding are those of single sends (no route, link down): for SCTP that is loss.
    socket.on("error", () => undefined);
    return transport;
  }

  /** Strangers must not fill the memory: beyond the bound the port that was configured is used. */
  #learn(address: string, port: number): void {
    if (this.#remotePorts.size < maxRemotePorts || this.#remotePorts.has(address)) {
      this.#remotePorts.set(address, port);
    }
  }

  has(address: string): boolean {
    return address === this.#ownAddress;
  }

  send(bytes: Uint8Array, remote: string): void {
    this.#socket.send(bytes, this.#remotePorts.get(remote) ?? this.#udpPort, remote, () => undefined);
  }

  close(): void {
    this.#socket.close();
  }
}

function bindProblem(error: unknown, address: string, udpPort: number): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") {
    return `UDP port ${udpPort} on ${address} is taken by another program: end it, or choose another port with --udp-port`;
  }
  if (code === "EADDRNOTAVAIL") {
    return `this host has no address ${address}: correct the outside address of this host in the testbed`;
  }
  if (code === "EACCES")
    return `UDP port ${udpPort} on ${address} needs more rights: choose a port above 1023`;
  return `UDP port ${udpPort} on ${address} cannot be opened: ${String(error)}`;
}
