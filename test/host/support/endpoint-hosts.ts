import { EndpointHost } from "../../../agents/host/endpoint-host.ts";
import type { EndpointUser } from "../../../agents/host/endpoint-host.ts";
import type { PacketTransport } from "../../../agents/host/packet-transport.ts";
import type { Delivery, Notification, ProtocolParameters } from "../../../agents/sctp/index.ts";
import { Endpoint, rfc9260Parameters, seededRandom } from "../../../agents/sctp/index.ts";

export const sctpPort = 7001;

/** Resolves when something that is watched comes true; asked again after each change. */
class Waiter {
  #changed: () => void = () => undefined;

  changed(): void {
    this.#changed();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }
}

/** An endpoint on transports, with a user that keeps what it is told. */
export class TestHost extends Waiter implements EndpointUser {
  readonly host: EndpointHost;
  readonly deliveries: Delivery[] = [];
  readonly states: string[] = [];
  association: number = 0;
  pump: ((association: number) => void) | undefined;

  constructor(
    address: string,
    transports: readonly PacketTransport[],
    { listening, parameters }: { listening: boolean; parameters?: Partial<ProtocolParameters> },
  ) {
    super();
    const config = {
      localPort: sctpPort,
      localAddresses: [address],
      ownAddress: address,
      listening,
      cookieKey: new Uint8Array(32).fill(3),
      parameters: { ...rfc9260Parameters, ...parameters },
    };
    const endpoint = new Endpoint(config, seededRandom(listening ? 1 : 2));
    const clock = { nowMs: () => performance.now() };
    this.host = new EndpointHost({ endpoint, transports, clock, user: this });
  }

  onDelivery(delivery: Delivery): void {
    this.deliveries.push(delivery);
    this.changed();
  }

  onNotification(association: number, notification: Notification): void {
    if (notification.type === "association-change") {
      this.association = association;
      this.states.push(notification.state);
    }
    this.changed();
  }

  onRoom(association: number): void {
    this.pump?.(association);
    this.changed();
  }
}
