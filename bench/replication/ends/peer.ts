import { EndpointHost } from "../../../agents/host/endpoint-host.ts";
import { loadNativeIo } from "../../../agents/host/native-io.ts";
import { openTransport } from "../../../agents/host/open-transport.ts";
import type { PacketTransport } from "../../../agents/host/packet-transport.ts";
import { hostRandom } from "../../../agents/host/random.ts";
import { Endpoint, rfc9260Parameters } from "../../../agents/sctp/index.ts";
import { Counters } from "./counters.ts";
import type { Direction, Order, Report } from "./messages.ts";
import { addresses, clusterPort, peerPort } from "./messages.ts";

/** The outside computer, in a process of its own: an endpoint that replicates nothing. */
const counters = new Counters();
const say = (report: Report): void => void process.send?.(report);
const refillBytes = rfc9260Parameters.sendBufferBytes / 2;

class Peer {
  readonly #host: EndpointHost;
  readonly #endpoint: Endpoint;
  readonly #transport: PacketTransport;
  #association: number = 0;
  #direction: Direction = "out";
  #payload: Uint8Array = new Uint8Array(0);
  #accepted: number = 0;
  #delivered: number = 0;
  #sentAtMs: number = 0;
  #answerMicros: number[] = [];

  constructor(transport: PacketTransport) {
    this.#transport = transport;
    this.#endpoint = new Endpoint(
      {
        localPort: peerPort,
        localAddresses: [addresses.peer],
        ownAddress: addresses.peer,
        listening: false,
        cookieKey: hostRandom.bytes(32),
        parameters: rfc9260Parameters,
        describesUpdates: false,
      },
      hostRandom,
    );
    this.#host = new EndpointHost({
      endpoint: this.#endpoint,
      transports: [transport],
      clock: { nowMs: () => performance.now() },
      user: {
        onDelivery: ({ ending }) => {
          if (ending) this.#delivered += 1;
        },
        onNotification: (handle, notification) => {
          if (notification.type !== "association-change") return;
          this.#association = handle;
          if (notification.state === "comm-up") say({ report: "associated" });
          else say({ report: "problem", text: `the association is gone: ${notification.reason}` });
        },
        onRoom: () => this.#room(),
      },
    });
  }

  connect(): void {
    this.#host.connect(addresses.a, clusterPort);
  }

  send(direction: Direction, sizeBytes: number): void {
    this.#direction = direction;
    this.#payload = new Uint8Array(sizeBytes).fill(0x5a);
    if (direction === "in") this.#pump();
    else if (direction === "answer") this.#ping();
  }

  #room(): void {
    if (this.#direction === "in") return this.#pump();
    this.#answerMicros.push((performance.now() - this.#sentAtMs) * 1000);
    this.#ping();
  }

  #pump(): void {
    while (this.#trySend(false));
    this.#host.awaitRoom(this.#association, refillBytes);
  }

  /** Its SACK is not delayed, and says that the cluster will not forget it any more. */
  #ping(): void {
    this.#sentAtMs = performance.now();
    this.#trySend(true);
    this.#host.awaitRoom(this.#association, 1);
  }

  #trySend(immediate: boolean): boolean {
    const message = { streamId: 0, ppid: 0, unordered: false, immediate, payload: this.#payload };
    if (this.#host.send(this.#association, message) !== "accepted") return false;
    this.#accepted += 1;
    return true;
  }

  sample(): void {
    const { sent, received } = this.#transport.counters;
    const pending = this.#endpoint.pendingBytes(this.#association) / Math.max(this.#payload.length, 1);
    const messages = this.#direction === "out" ? this.#delivered : this.#accepted - pending;
    const answerMicros = this.#answerMicros.splice(0);
    const sample = counters.sample({ messages, packets: sent + received, answerMicros });
    say({ report: "sample", sample });
  }
}

let peer: Peer | undefined;

async function obey(order: Order): Promise<void> {
  if (order.order === "connect") {
    const { udpPort } = order;
    peer = new Peer(await openTransport({ address: addresses.peer, way: { udpPort } }, loadNativeIo()));
    peer.connect();
  } else if (order.order === "send") peer?.send(order.direction, order.sizeBytes);
  else if (order.order === "sample") peer?.sample();
}

process.on("message", (order: Order) => {
  obey(order).catch((error: unknown) => say({ report: "problem", text: String(error) }));
});
process.on("disconnect", () => process.exit(0));
say({ report: "started" });
