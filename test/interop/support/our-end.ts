import { EndpointHost } from "../../../agents/host/endpoint-host.ts";
import type { PacketTransport } from "../../../agents/host/packet-transport.ts";
import type { Delivery, OutgoingMessage, ProtocolParameters } from "../../../agents/sctp/index.ts";
import { Endpoint, rfc9260Parameters, seededRandom } from "../../../agents/sctp/index.ts";
import type { Message, Order } from "./contents.ts";
import { content, isIntact } from "./contents.ts";
import { Waiter } from "./waiter.ts";

const loopback = "127.0.0.1";

/** Room for a megabyte in both directions; timers that make lost packets cost little. */
const interopParameters: ProtocolParameters = {
  ...rfc9260Parameters,
  rtoInitialMs: 200,
  rtoMinMs: 50,
  rtoMaxMs: 1000,
  sackDelayMs: 20,
  outboundStreams: 64,
  maxInboundStreams: 64,
  maxMessageBytes: 2 ** 20,
  receiveBufferBytes: 4 * 2 ** 20,
  sendBufferBytes: 4 * 2 ** 20,
};

/** Our stack as a user has it: an endpoint on a transport, and what its user was told. */
export class OurEnd extends Waiter {
  readonly messages: Message[] = [];
  readonly events: string[] = [];
  /** Numbers of the messages that our user was told the peer may never have got. */
  readonly failedNumbers: Set<number> = new Set<number>();
  readonly host: EndpointHost;
  association: number = 0;
  readonly #parts: Map<string, Uint8Array[]> = new Map<string, Uint8Array[]>();
  readonly #toSend: { readonly order: Order; readonly reliability: OutgoingMessage["reliability"] }[] = [];
  readonly #endpoint: Endpoint;

  constructor(
    transport: PacketTransport,
    setting: {
      readonly sctpPort: number;
      readonly listening: boolean;
      readonly seed: number;
      readonly parameters?: Partial<ProtocolParameters>;
    },
  ) {
    super();
    this.#endpoint = new Endpoint(
      {
        localPort: setting.sctpPort,
        localAddresses: [loopback],
        ownAddress: loopback,
        listening: setting.listening,
        cookieKey: new Uint8Array(32).fill(setting.seed & 0xff),
        parameters: { ...interopParameters, ...setting.parameters },
      },
      seededRandom(setting.seed),
    );
    this.host = new EndpointHost({
      endpoint: this.#endpoint,
      transports: [transport],
      clock: { nowMs: () => performance.now() },
      user: {
        onDelivery: (delivery) => this.#deliver(delivery),
        onNotification: (association, notification) => {
          if (notification.type === "association-change") {
            const { state, successor } = notification;
            if (state === "comm-up" || state === "restart") this.association = successor ?? association;
            this.events.push(state);
          } else if (notification.type === "stream-reset") {
            this.events.push(`${notification.direction} reset ${notification.outcome}`);
          } else this.events.push(notification.type);
          if (notification.type === "send-failed") this.failedNumbers.add(notification.ppid);
          this.changed();
        },
        onRoom: () => this.#pump(),
      },
    });
  }

  connect(peerSctpPort: number): void {
    this.association = this.host.connect(loopback, peerSctpPort);
  }

  /** Extensions that both sides offered. */
  get extensions() {
    return this.#endpoint.state(this.association)?.agreement.extensions;
  }

  happened(event: string): Promise<void> {
    return this.until(
      () => this.events.includes(event),
      () => `our user is told ${event}; it was told ${this.events.join(", ")}`,
    );
  }

  received(count: number): Promise<void> {
    return this.until(
      () => this.messages.length >= count,
      () => `our user has ${count} messages; it has ${this.messages.length}`,
    );
  }

  /** Waits with what does not fit into the send buffer. */
  send(orders: readonly Order[], reliability?: OutgoingMessage["reliability"]): void {
    for (const order of orders) this.#toSend.push({ order, reliability });
    this.#pump();
  }

  #pump(): void {
    for (let next = this.#toSend[0]; next !== undefined; next = this.#toSend[0]) {
      const { number, stream, lengthBytes, unordered } = next.order;
      const answer = this.host.send(this.association, {
        streamId: stream,
        ppid: number,
        unordered,
        payload: content(number, lengthBytes),
        ...(next.reliability === undefined ? undefined : { reliability: next.reliability }),
      });
      if (answer === "queue-full") {
        this.host.awaitRoom(this.association, interopParameters.sendBufferBytes / 2);
        return;
      }
      if (answer !== "accepted") this.failed(new Error(`message ${number} could not be sent: ${answer}`));
      this.#toSend.shift();
    }
  }

  #deliver({ streamId, ppid, unordered, payload, beginning, ending }: Delivery): void {
    const key = `${streamId} ${unordered}`;
    const parts = beginning ? [] : (this.#parts.get(key) ?? []);
    parts.push(payload);
    this.#parts.set(key, parts);
    if (!ending) return;
    this.#parts.delete(key);
    const bytes = Buffer.concat(parts);
    this.messages.push({
      number: ppid,
      stream: streamId,
      lengthBytes: bytes.length,
      unordered,
      intact: isIntact(ppid, bytes),
    });
    this.changed();
  }
}
