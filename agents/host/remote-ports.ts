import type { SendPacket, TransportRoute } from "./packet-transport.ts";

/** Strangers must not fill the memory: beyond the bound the port that was configured is used. */
const maxRemotePorts = 4096;

/**
 * The UDP port that a remote address last used, learned from whatever comes from there. It stands in for the
 * endpoint, which alone can do it as RFC 6951 section 5.4 wants: after the verification tag was checked.
 */
export class RemotePorts {
  readonly #ports: Map<string, number> = new Map<string, number>();

  learn({ remote, remotePort }: TransportRoute): void {
    if (remotePort === undefined || this.#ports.get(remote) === remotePort) return;
    if (this.#ports.size < maxRemotePorts || this.#ports.has(remote)) this.#ports.set(remote, remotePort);
  }

  /** The packet with the port that it goes to. */
  address(packet: SendPacket): SendPacket {
    const remotePort = this.#ports.get(packet.remote);
    return remotePort === undefined ? packet : { ...packet, remotePort };
  }
}
