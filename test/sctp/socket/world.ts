import type { AssociationId, ProtocolParameters, Received } from "../../../agents/sctp/index.ts";
import { SocketStack, seededRandom, socketParameters } from "../../../agents/sctp/index.ts";
import type { Errno } from "../../../agents/sctp/index.ts";
import type { NetworkFaults } from "../../sim/network.ts";
import { Network, quietNetwork } from "../../sim/network.ts";

type Answered<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly errno: Errno };

/** The value of a call that must succeed. */
export function valueOf<T>(answer: Answered<T>): T {
  if (!answer.ok) throw new Error(`the call failed with ${answer.errno}`);
  return answer.value;
}

/** errno of a call that must fail. */
export function errnoOf(answer: Answered<unknown>): Errno {
  if (answer.ok) throw new Error("the call did not fail");
  return answer.errno;
}

/** A host of the simulated network with its sockets. */
export interface Host {
  readonly stack: SocketStack;
  readonly addresses: readonly string[];
}

/** Socket stacks on one seeded network and one virtual clock. */
export class SocketWorld {
  nowMs: number = 1_000_000;
  readonly network: Network;
  readonly hosts: Host[] = [];
  readonly #seed: number;
  #made: number = 0;

  constructor(seed: number, faults: NetworkFaults = quietNetwork) {
    this.#seed = seed;
    this.network = new Network(faults, seededRandom(seed));
  }

  host(addresses: readonly string[], parameters: Partial<ProtocolParameters> = {}): SocketStack {
    this.#made += 1;
    const random = seededRandom(this.#seed * 100 + this.#made);
    const config = {
      localAddresses: addresses,
      parameters: { ...socketParameters, ...parameters },
      cookieKey: random.bytes(32),
    };
    const stack = new SocketStack(config, random);
    this.hosts.push({ stack, addresses });
    return stack;
  }

  /** Puts on the network what the hosts have to send. */
  drain(): void {
    for (const { stack } of this.hosts) {
      for (const { local, remote, bytes } of stack.takePackets()) {
        this.network.send({ from: local, to: remote, bytes }, this.nowMs);
      }
    }
  }

  /** Runs for so long, or until `done` says so; answers whether it was done. */
  run(forMs: number, done: () => boolean = () => false): boolean {
    const endMs = this.nowMs + forMs;
    this.drain();
    while (!done()) {
      this.drain();
      const times = [this.network.nextMs(), ...this.hosts.map(({ stack }) => stack.nextDeadlineMs())];
      const next = Math.min(...times.map((time) => time ?? Infinity));
      if (next > endMs) {
        this.nowMs = endMs;
        return done();
      }
      this.nowMs = Math.max(this.nowMs, next);
      for (const { from, to, bytes } of this.network.arrived(this.nowMs)) {
        const host = this.hosts.find(({ addresses }) => addresses.includes(to));
        host?.stack.receivePacket(bytes, { local: to, remote: from }, this.nowMs);
      }
      for (const { stack } of this.hosts) {
        if ((stack.nextDeadlineMs() ?? Infinity) <= this.nowMs) stack.advance(this.nowMs);
      }
      this.drain();
    }
    return true;
  }

  /** Everything that can be read from a socket now. */
  readAll(stack: SocketStack, descriptor: number, maxBytes: number = 1_000_000): Received[] {
    const all: Received[] = [];
    for (;;) {
      const answer = stack.receive(descriptor, maxBytes, this.nowMs);
      if (!answer.ok || answer.value.kind === "end") return all;
      all.push(answer.value);
    }
  }

  /** A listening one-to-one socket on port 7000. */
  listener(stack: SocketStack, backlog: number = 4): number {
    const descriptor = stack.socket("one-to-one");
    valueOf(stack.bind(descriptor, ["0.0.0.0"], 7000));
    valueOf(stack.listen(descriptor, backlog));
    return descriptor;
  }

  /** A one-to-one socket that is connected to a listener, and the socket that it accepted. */
  pair(
    client: SocketStack,
    server: SocketStack,
    listener: number,
    address: string,
  ): { client: number; server: number } {
    const descriptor = client.socket("one-to-one");
    valueOf(client.connect(descriptor, [address], 7000, this.nowMs));
    let accepted = 0;
    const up = this.run(60_000, () => {
      const answer = server.accept(listener, this.nowMs);
      if (answer.ok) accepted = answer.value;
      return accepted > 0;
    });
    if (!up) throw new Error("no association came up");
    this.run(100);
    return { client: descriptor, server: accepted };
  }
}

export const texts = (received: readonly Received[]): string[] =>
  received.flatMap((each) => (each.kind === "data" ? [new TextDecoder().decode(each.bytes)] : []));

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The notifications in what was read, by type or by the state of the association. */
export const events = (received: readonly Received[]): [AssociationId, string][] =>
  received.flatMap((each): [AssociationId, string][] => {
    if (each.kind !== "notification") return [];
    const { notification } = each;
    const name = notification.type === "association-change" ? notification.state : notification.type;
    return [[each.association, name]];
  });
