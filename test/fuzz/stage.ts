import type { EndpointSnapshot, ProtocolParameters } from "../../agents/sctp/index.ts";
import { countAbove, crc32c, rfc9260Parameters } from "../../agents/sctp/index.ts";
import type { Node } from "../sim/endpoints.ts";
import { World, endpointConfig } from "../sim/endpoints.ts";
import { quietNetwork } from "../sim/network.ts";

export const honest = "192.0.2.20";
export const target = "192.0.2.11";
export const targetToo = "192.0.2.12";
export const stranger = "198.51.100.66";

/** Small buffers, so that a bound is reached soon when it is missing. */
const parameters: Partial<ProtocolParameters> = {
  receiveBufferBytes: 16 * 1024,
  sendBufferBytes: 64 * 1024,
  rtoInitialMs: 300,
  rtoMinMs: 100,
  rtoMaxMs: 1000,
};

export const phases = [
  "nothing",
  "cookie-wait",
  "cookie-echoed",
  "established",
  "shutdown-pending",
  "shutdown-sent",
  "shutdown-received",
  "shutdown-ack-sent",
] as const;
export type StagePhase = (typeof phases)[number];

/** An honest client and a server with two addresses, brought into a phase of their association. */
export class Stage {
  readonly world: World = new World(1, quietNetwork);
  readonly client: Node;
  readonly server: Node;
  #sent: number = 0;

  constructor(phase: StagePhase) {
    this.client = this.world.add(endpointConfig([honest], false, parameters), 2);
    this.server = this.world.add(endpointConfig([target, targetToo], true, parameters), 3);
    if (phase === "nothing") return;
    this.client.endpoint.connect(target, 7000, this.world.nowMs);
    this.world.drain(this.client);
    if (phase === "cookie-wait") return;
    this.world.run(phase === "cookie-echoed" ? 2.5 : 6);
    if (phase === "cookie-echoed") return;
    this.exchange();
    this.world.run(1.5);
    if (phase === "established") return;
    this.world.run(500);
    this.#shutDown(phase);
  }

  /** The server's data in flight keeps it from going on; without it the chunks of the shutdown go back and forth. */
  #shutDown(phase: "shutdown-pending" | "shutdown-sent" | "shutdown-received" | "shutdown-ack-sent"): void {
    if (phase === "shutdown-pending" || phase === "shutdown-received") {
      const message = { streamId: 1, ppid: 0, unordered: false, payload: new Uint8Array(3000) };
      this.server.endpoint.send(this.server.handle ?? 0, message, this.world.nowMs);
      this.world.drain(this.server);
    }
    const first = phase === "shutdown-received" || phase === "shutdown-ack-sent" ? this.client : this.server;
    first.endpoint.shutdown(first.handle ?? 0, this.world.nowMs);
    this.world.drain(first);
    if (first === this.client) this.world.run(1.2);
  }

  /** Both sides say something, large and small; answers how many messages each side has sent by now. */
  exchange(): number {
    for (const node of [this.client, this.server]) {
      for (const size of [10, 3000]) {
        const payload = new TextEncoder().encode(`${this.#sent}`.padEnd(size, "."));
        const message = { streamId: 1, ppid: 0, unordered: false, payload };
        node.endpoint.send(node.handle ?? 0, message, this.world.nowMs);
      }
      this.world.drain(node);
    }
    this.#sent += 2;
    return this.#sent;
  }
}

/** The packet with its checksum made good. */
export function resealed(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  if (copy.length < 12) return copy;
  const view = new DataView(copy.buffer);
  view.setUint32(8, 0);
  view.setUint32(8, crc32c(copy), true);
  return copy;
}

/** What is larger than it may ever become; empty where all is well. */
export function excesses(snapshot: EndpointSnapshot): string[] {
  const found: string[] = [];
  const bound = (what: string, size: number, limit: number): void => {
    if (size > limit) found.push(`${what}: ${size} > ${limit}`);
  };
  const limits = { ...rfc9260Parameters, ...parameters };
  bound("connecting", snapshot.connecting.length, 1);
  for (const { state, control, flight, paths, deadlines, sack } of snapshot.associations) {
    const { receive, send } = state;
    bound("control chunks", control.length, 0);
    bound("paths", paths.length, limits.maxPeerAddresses);
    bound("deadlines", deadlines.length, 2 * paths.length + 4);
    bound("duplicates", sack.duplicates.length, 32);
    bound("TSNs above", countAbove(receive), 4096);
    bound("buffered chunks", receive.buffered.size, (2 * limits.receiveBufferBytes) / 64);
    bound("buffered bytes", receive.bufferedBytes, 2 * limits.receiveBufferBytes);
    bound("send bytes", send.queuedBytes + send.outstandingBytes, limits.sendBufferBytes);
    bound("flight", flight.transmissions.length, send.outstanding.length);
    bound("streams", receive.nextSsn.length + send.streams.size, 4096);
  }
  return found;
}
