import type { EndpointConfig, ProtocolParameters } from "../../agents/sctp/index.ts";
import { Endpoint, rfc9260Parameters, seededRandom } from "../../agents/sctp/index.ts";
import type { NetworkFaults } from "./network.ts";
import { Network } from "./network.ts";

export interface Received {
  readonly streamId: number;
  readonly text: string;
}

/** One endpoint on the simulated network, with what its user saw. */
export class Node {
  endpoint: Endpoint;
  readonly config: EndpointConfig;
  readonly seed: number;
  readonly received: Received[] = [];
  readonly events: string[] = [];
  handle: number | undefined;

  constructor(config: EndpointConfig, seed: number) {
    this.config = config;
    this.seed = seed;
    this.endpoint = new Endpoint(config, seededRandom(seed));
  }
}

export function endpointConfig(
  addresses: readonly string[],
  listening: boolean,
  parameters: Partial<ProtocolParameters> = {},
): EndpointConfig {
  return {
    localPort: 7000,
    localAddresses: addresses,
    ownAddress: addresses[0] ?? "",
    listening,
    cookieKey: new Uint8Array(32).fill(7),
    parameters: { ...rfc9260Parameters, ...parameters },
  };
}

/** Endpoints, one seeded network and one virtual clock. */
export class World {
  nowMs: number = 1_000_000;
  readonly network: Network;
  readonly nodes: Node[] = [];

  constructor(seed: number, faults: NetworkFaults) {
    this.network = new Network(faults, seededRandom(seed));
  }

  add(config: EndpointConfig, seed: number): Node {
    const node = new Node(config, seed);
    this.nodes.push(node);
    return node;
  }

  /** Carries out what a node wants done. */
  drain(node: Node): void {
    const outputs = node.endpoint.takeOutputs();
    for (const packet of outputs.packets) {
      this.network.send({ from: packet.local, to: packet.remote, bytes: packet.bytes }, this.nowMs);
    }
    for (const delivery of outputs.deliveries) {
      node.received.push({ streamId: delivery.streamId, text: new TextDecoder().decode(delivery.payload) });
    }
    for (const { association, notification } of outputs.notifications) {
      const change = notification.type === "association-change" ? notification.state : undefined;
      if (change === "comm-up") node.handle = association;
      const { type } = notification;
      node.events.push(
        type === "peer-address-change" ? `${notification.address} ${notification.state}` : (change ?? type),
      );
    }
  }

  /** Runs until `untilMs` or until `done` says so; answers whether it was done. */
  run(forMs: number, done: () => boolean = () => false): boolean {
    const endMs = this.nowMs + forMs;
    for (const node of this.nodes) this.drain(node);
    while (!done()) {
      const next = this.#nextMs();
      if (next === undefined || next > endMs) {
        this.nowMs = endMs;
        return done();
      }
      this.nowMs = Math.max(this.nowMs, next);
      for (const datagram of this.network.arrived(this.nowMs)) {
        const node = this.nodes.find((each) => each.config.localAddresses.includes(datagram.to));
        if (node === undefined) continue;
        node.endpoint.receive(datagram.bytes, { local: datagram.to, remote: datagram.from }, this.nowMs);
        this.drain(node);
      }
      for (const node of this.nodes) {
        const due = node.endpoint.nextDeadlineMs();
        if (due !== undefined && due <= this.nowMs) node.endpoint.advance(this.nowMs);
        this.drain(node);
      }
    }
    return true;
  }

  #nextMs(): number | undefined {
    const times = [this.network.nextMs(), ...this.nodes.map((node) => node.endpoint.nextDeadlineMs())];
    return times
      .filter((time) => time !== undefined)
      .reduce((a: number | undefined, b) => (a === undefined || b < a ? b : a), undefined);
  }
}
