import type {
  EndpointConfig,
  Extensions,
  Notification,
  ProtocolParameters,
} from "../../agents/sctp/index.ts";
import { noExtensions } from "../../agents/sctp/index.ts";
import { parsePacket } from "../../agents/sctp/wire/index.ts";
import type { Chunk } from "../../agents/sctp/wire/index.ts";
import { World, endpointConfig } from "../sim/endpoints.ts";
import type { Node } from "../sim/endpoints.ts";
import { quietNetwork } from "../sim/network.ts";
import type { Datagram, NetworkFaults } from "../sim/network.ts";

export const addresses = { client: ["192.0.2.20"], server: ["192.0.2.11", "192.0.2.12"] } as const;

export interface PairOptions {
  readonly seed?: number;
  readonly faults?: NetworkFaults;
  readonly parameters?: Partial<ProtocolParameters>;
  readonly extensions?: Partial<Extensions>;
  readonly serverAddresses?: readonly string[];
  readonly config?: Partial<EndpointConfig>;
}

/** A client and a server that are connected, with all that they sent and were told. */
export class Pair {
  readonly world: World;
  readonly client: Node;
  readonly server: Node;
  readonly told: { readonly node: Node; readonly notification: Notification }[] = [];
  /** Answers whether a datagram is lost. */
  lost: (datagram: Datagram) => boolean = () => false;

  constructor(options: PairOptions = {}) {
    const { seed = 1, faults = quietNetwork, serverAddresses = ["192.0.2.11"] } = options;
    this.world = new World(seed, faults);
    const extensions = { ...noExtensions, ...options.extensions };
    const config = (own: readonly string[], listening: boolean): EndpointConfig => ({
      ...endpointConfig(own, listening, { extensions, ...options.parameters }),
      ...options.config,
    });
    this.client = this.world.add(config(addresses.client, false), seed + 1);
    this.server = this.world.add(config(serverAddresses, true), seed + 2);
    this.#listen();
    const { network } = this.world;
    const send = network.send.bind(network);
    network.send = (datagram, nowMs) => {
      if (!this.lost(datagram)) send(datagram, nowMs);
    };
    this.client.endpoint.connect(serverAddresses[0] ?? "", 7000, this.world.nowMs);
    const up = this.world.run(
      20_000,
      () => this.client.handle !== undefined && this.server.handle !== undefined,
    );
    if (!up) throw new Error(`seed ${seed}: no association`);
    this.world.run(10);
  }

  #listen(): void {
    const drain = this.world.drain.bind(this.world);
    this.world.drain = (node) => {
      const outputs = node.endpoint.takeOutputs();
      for (const { notification } of outputs.notifications) this.told.push({ node, notification });
      const { takeOutputs } = node.endpoint;
      node.endpoint.takeOutputs = () => outputs;
      drain(node);
      node.endpoint.takeOutputs = takeOutputs;
    };
  }

  send(node: Node, size: number, more: Partial<Parameters<Node["endpoint"]["send"]>[1]> = {}): string {
    const payload = new Uint8Array(size).fill(65 + (size % 26));
    const message = { streamId: 0, ppid: 0, unordered: false, payload, ...more };
    const answer = node.endpoint.send(node.handle ?? 0, message, this.world.nowMs);
    return answer;
  }

  drain(): void {
    this.world.drain(this.client);
    this.world.drain(this.server);
  }

  notifications<Type extends Notification["type"]>(
    node: Node,
    type: Type,
  ): Extract<Notification, { type: Type }>[] {
    return this.told.flatMap(({ node: to, notification }) =>
      to === node && notification.type === type
        ? [notification as Extract<Notification, { type: Type }>]
        : [],
    );
  }

  /** Everything that a node has sent, chunk by chunk. */
  sent(node: Node): { readonly atMs: number; readonly to: string; readonly chunk: Chunk }[] {
    return this.world.network.log.flatMap(({ atMs, datagram }) => {
      if (!node.config.localAddresses.includes(datagram.from)) return [];
      return chunksOf(datagram).map((chunk) => ({ atMs, to: datagram.to, chunk }));
    });
  }
}

function chunksOf(datagram: Datagram): readonly Chunk[] {
  const parsed = parsePacket(datagram.bytes);
  return parsed.ok ? parsed.packet.chunks : [];
}

export const hasChunk = (datagram: Datagram, type: Chunk["type"]): boolean =>
  chunksOf(datagram).some((chunk) => chunk.type === type);
