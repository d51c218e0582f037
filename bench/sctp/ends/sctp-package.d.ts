/** The part of npm `sctp` 1.0.0, which has no types of its own, that the benchmark uses. */
declare module "sctp" {
  import type { Socket as UdpSocket } from "node:dgram";
  import type { Duplex } from "node:stream";

  interface ConnectOptions {
    /** Waits for the peer to connect. */
    readonly passive: boolean;
    readonly localPort: number;
    readonly port: number;
    readonly udpTransport: UdpSocket;
    readonly OS: number;
    readonly MIS: number;
    readonly readableHighWaterMark: number;
  }

  const sctp: { connect(options: ConnectOptions): Duplex };
  export default sctp;
}
