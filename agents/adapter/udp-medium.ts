import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import type { RandomSource, SocketStack } from "../sctp/index.ts";
import type { Medium } from "./medium.ts";

const longestTimerMs = 60_000;

const random: RandomSource = {
  uint32: () => randomBytes(4).readUInt32BE(),
  bytes: (length) => Uint8Array.from(randomBytes(length)),
};

/** SCTP over UDP (RFC 6951) on real time: one UDP socket for each of our addresses. */
export class UdpMedium implements Medium {
  readonly random: RandomSource = random;
  readonly cookieKey: Uint8Array = random.bytes(32);
  readonly #sockets: Map<string, Socket> = new Map<string, Socket>();
  readonly #peerUdpPort: number;
  #stack: SocketStack | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(peerUdpPort: number) {
    this.#peerUdpPort = peerUdpPort;
  }

  /** Rejects with the error of Node, its `code` among them, where an address or port cannot be had. */
  static async open(
    localAddresses: readonly string[],
    localUdpPort: number,
    peerUdpPort: number,
  ): Promise<UdpMedium> {
    const medium = new UdpMedium(peerUdpPort);
    for (const address of localAddresses) {
      const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
      medium.#sockets.set(address, socket);
      socket.bind(localUdpPort, address);
      try {
        await once(socket, "listening");
      } catch (error) {
        medium.#sockets.delete(address);
        medium.close();
        throw error;
      }
      // Errors after binding are those of single sends (nobody there, no route): for SCTP that is loss.
      socket.on("error", () => undefined);
      socket.on("message", (bytes, { address: remote, port: remotePort }) => {
        // A copy: Node may use its buffer again, and the stack keeps what it gets.
        medium.#stack?.receivePacket(
          Uint8Array.from(bytes),
          { local: address, remote, remotePort },
          medium.nowMs(),
        );
        medium.settle();
      });
    }
    return medium;
  }

  attach(stack: SocketStack): void {
    this.#stack = stack;
  }

  nowMs(): number {
    return performance.timeOrigin + performance.now();
  }

  settle(): void {
    const stack = this.#stack;
    if (stack === undefined) return;
    let dueMs = stack.nextDeadlineMs();
    if (dueMs !== undefined && dueMs <= this.nowMs()) {
      stack.advance(this.nowMs());
      dueMs = stack.nextDeadlineMs();
    }
    for (const { local, remote, remotePort, bytes } of stack.takePackets()) {
      const port = remotePort ?? this.#peerUdpPort;
      if (port > 0) this.#sockets.get(local)?.send(bytes, port, remote, () => undefined);
    }
    clearTimeout(this.#timer);
    if (dueMs === undefined) return;
    const waitMs = Math.min(Math.max(dueMs - this.nowMs(), 0), longestTimerMs);
    this.#timer = setTimeout(() => this.settle(), waitMs);
  }

  close(): void {
    this.#stack = undefined;
    clearTimeout(this.#timer);
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}
