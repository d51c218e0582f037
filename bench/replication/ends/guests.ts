import { EndpointHost } from "../../../agents/host/endpoint-host.ts";
import { loadNativeIo } from "../../../agents/host/native-io.ts";
import { openTransport } from "../../../agents/host/open-transport.ts";
import type { PacketTransport, ReceivedPacket } from "../../../agents/host/packet-transport.ts";
import { hostRandom } from "../../../agents/host/random.ts";
import { Endpoint, telecomParameters } from "../../../agents/sctp/index.ts";
import type { Order, Report } from "./messages.ts";
import { addresses, clusterPort, peerPort } from "./messages.ts";

/** Many outside computers in one process, each with an address of its own, 127.1.x.y. */
const say = (report: Report): void => void process.send?.(report);

/** Each sends a message so often. */
const intervalMs = 500;
const payload: Uint8Array = new Uint8Array(200).fill(0x5a);
/** Chunk type of HEARTBEAT ACK, which a standby sends as well; it follows the common header. */
const heartbeatAck = 5;
const chunkTypeAt = 12;

const nowMicros = (): number => Number(process.hrtime.bigint() / 1000n);

/** B also sends for a living primary; what counts is what comes after the kill. */
let isWatching = false;

class Guest {
  readonly #host: EndpointHost;
  readonly #endpoint: Endpoint;
  #association: number | undefined;
  #isLost: boolean = false;
  /** When the first packet of B came that only a primary sends. */
  servedByB: number | undefined;

  constructor(address: string, transport: PacketTransport) {
    this.#endpoint = new Endpoint(
      {
        localPort: peerPort,
        localAddresses: [address],
        ownAddress: address,
        listening: false,
        cookieKey: hostRandom.bytes(32),
        parameters: telecomParameters,
        describesUpdates: false,
      },
      hostRandom,
    );
    this.#host = new EndpointHost({
      endpoint: this.#endpoint,
      transports: [this.#watched(transport)],
      clock: { nowMs: () => performance.now() },
      user: {
        onDelivery: () => undefined,
        onNotification: (handle, notification) => {
          if (notification.type !== "association-change") return;
          if (notification.state === "comm-up") this.#association = handle;
          else this.#isLost = true;
        },
      },
    });
    this.#host.connect(addresses.a, clusterPort);
  }

  #watched(transport: PacketTransport): PacketTransport {
    const watch = (packets: readonly ReceivedPacket[]): void => {
      if (!isWatching || this.servedByB !== undefined) return;
      for (const { bytes, route } of packets)
        if (route.remote === addresses.b && bytes[chunkTypeAt] !== heartbeatAck) this.servedByB = nowMicros();
    };
    return {
      gathers: transport.gathers,
      counters: transport.counters,
      has: (local) => transport.has(local),
      send: (packets) => transport.send(packets),
      close: () => transport.close(),
      start: ({ onPackets, onIcmp }) =>
        transport.start({
          onPackets: (packets) => {
            watch(packets);
            onPackets(packets);
          },
          onIcmp,
        }),
    };
  }

  get isUp(): boolean {
    return this.#association !== undefined && !this.#isLost;
  }

  get pendingBytes(): number {
    return this.#association === undefined ? 0 : this.#endpoint.pendingBytes(this.#association);
  }

  send(): void {
    if (this.#association !== undefined && !this.#isLost)
      this.#host.send(this.#association, { streamId: 0, ppid: 0, unordered: false, payload });
  }
}

const guests: Guest[] = [];

async function obey(order: Order): Promise<void> {
  if (order.order === "invite") {
    const { udpPort, guests: count } = order;
    const native = loadNativeIo();
    for (let index = 0; index < count; index++) {
      const address = `127.1.${index >> 8}.${index & 255}`;
      guests.push(new Guest(address, await openTransport({ address, way: { udpPort } }, native)));
      const isLast = index === count - 1;
      setTimeout(() => setInterval(() => guests[index]?.send(), intervalMs), (index * intervalMs) / count);
      // A burst of calls fills the receive buffer of the cluster's socket.
      if (isLast || index % 20 === 19) await settled();
    }
    say({ report: "associated" });
  } else if (order.order === "watch") {
    isWatching = true;
    say({ report: "watching" });
  } else if (order.order === "count") {
    const served = guests.flatMap(({ servedByB }) => servedByB ?? []);
    const up = guests.filter(({ isUp }) => isUp).length;
    const drained = guests.filter(({ pendingBytes }) => pendingBytes < 2 * payload.length).length;
    say({ report: "counted", served, up, drained });
  }
}

async function settled(): Promise<void> {
  while (!guests.every(({ isUp }) => isUp)) await new Promise((resolve) => setTimeout(resolve, 5));
}

process.on("message", (order: Order) => {
  obey(order).catch((error: unknown) => say({ report: "problem", text: String(error) }));
});
process.on("disconnect", () => process.exit(0));
say({ report: "started" });
