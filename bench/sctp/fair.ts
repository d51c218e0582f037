import type { Endpoint } from "../../agents/sctp/index.ts";
import { seededRandom } from "../../agents/sctp/index.ts";
import { fraction, sctpPort, virtualEndpoint } from "./endpoints.ts";
import { jainsIndex } from "./figures.ts";
import { Underway } from "./underway.ts";

const serverAddress = "192.0.2.1";
const messageBytes = 1444;
/** Of the bottleneck for each association; its queue holds what it sends in one round trip. */
const shareBitsPerSecond = 2_000_000;
const rttMs = 50;
/** So often the clients' timers are looked at, and the send buffers filled. */
const stepMs = 1;
const rampMs = 5_000;
const windowMs = 15_000;

interface Packet {
  readonly client: number;
  readonly bytes: Uint8Array;
  readonly local: string;
  readonly remote: string;
}

/** One bottleneck with a queue of bounded length, which drops what does not fit. */
class Bottleneck {
  readonly #bytesPerMs: number;
  readonly #queueMs: number;
  #freeAtMs: number = 0;
  dropped: number = 0;

  constructor(bitsPerSecond: number, queueMs: number) {
    this.#bytesPerMs = bitsPerSecond / 8000;
    this.#queueMs = queueMs;
  }

  /** When the packet has gone through; undefined when it is dropped. */
  pass(lengthBytes: number, nowMs: number): number | undefined {
    const start = Math.max(nowMs, this.#freeAtMs);
    if (start - nowMs > this.#queueMs) {
      this.dropped += 1;
      return undefined;
    }
    this.#freeAtMs = start + lengthBytes / this.#bytesPerMs;
    return this.#freeAtMs;
  }
}

/** One endpoint with `count` associations, all of which send as much as they may to `count` clients. */
class Crowd {
  nowMs: number = 1_000_000;
  readonly received: number[];
  readonly bottleneck: Bottleneck;
  readonly #server: Endpoint;
  readonly #clients: readonly Endpoint[];
  readonly #clientOf: Map<string, number> = new Map<string, number>();
  readonly #underway: Underway<Packet & { readonly toClient: boolean }> = new Underway();
  readonly #handles: number[] = [];
  readonly #payload: Uint8Array = new Uint8Array(messageBytes).fill(0x5a);

  constructor(count: number, seed: number) {
    const random = seededRandom(seed);
    this.bottleneck = new Bottleneck(count * shareBitsPerSecond, rttMs);
    this.received = Array.from({ length: count }, () => 0);
    this.#server = virtualEndpoint(serverAddress, sctpPort, true, seed + 1, {
      maxAssociations: count,
      sendBufferBytes: 128 * 1024,
    });
    this.#clients = this.received.map((_, index) => {
      const address = `10.0.${index >> 8}.${index & 255}`;
      this.#clientOf.set(address, index);
      return virtualEndpoint(address, sctpPort, false, seed * 100_000 + index);
    });
    // They begin within a second, in a random order.
    for (const [index, client] of this.#clients.entries()) {
      client.connect(serverAddress, sctpPort, this.nowMs);
      this.#drainClient(index, fraction(random) * 1000);
    }
  }

  /**
   * Arrivals and the server's timers come at their own instants: in steps, what timers send would always find
   * the queue filled by what arrivals let through, and nobody would come back from T3-rtx.
   */
  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (let stepAtMs = this.nowMs; stepAtMs < endMs; stepAtMs += stepMs) {
      for (let next = this.#nextMs(); next <= stepAtMs; next = this.#nextMs()) {
        this.nowMs = Math.max(this.nowMs, next);
        this.#arrive();
        if (this.#serverDueMs() <= this.nowMs) this.#server.advance(this.nowMs);
        this.#drainServer();
      }
      this.nowMs = stepAtMs;
      this.#advanceClients();
      this.#refill();
      this.#drainServer();
    }
  }

  #serverDueMs(): number {
    return this.#server.nextDeadlineMs() ?? Number.POSITIVE_INFINITY;
  }

  #nextMs(): number {
    return Math.min(this.#underway.nextMs, this.#serverDueMs());
  }

  #advanceClients(): void {
    for (const [index, client] of this.#clients.entries()) {
      if ((client.nextDeadlineMs() ?? Number.POSITIVE_INFINITY) > this.nowMs) continue;
      client.advance(this.nowMs);
      this.#drainClient(index, 0);
    }
  }

  #arrive(): void {
    for (
      let one = this.#underway.take(this.nowMs);
      one !== undefined;
      one = this.#underway.take(this.nowMs)
    ) {
      const route = { local: one.remote, remote: one.local };
      if (one.toClient) {
        this.#clients[one.client]?.receive(one.bytes, route, this.nowMs);
        this.#drainClient(one.client, 0);
      } else {
        this.#server.receive(one.bytes, route, this.nowMs);
        // One after the other through the bottleneck, in the order in which they ask.
        this.#drainServer();
      }
    }
  }

  #refill(): void {
    const message = { streamId: 0, ppid: 0, unordered: false, payload: this.#payload };
    for (const handle of this.#handles) {
      if (this.#server.pendingBytes(handle) > 64 * 1024) continue;
      while (this.#server.send(handle, message, this.nowMs) === "accepted");
    }
  }

  #drainServer(): void {
    const { packets, notifications } = this.#server.takeOutputs();
    for (const { association, notification } of notifications) {
      if (notification.type === "association-change" && notification.state === "comm-up") {
        this.#handles.push(association);
      }
    }
    for (const { bytes, local, remote } of packets) {
      const client = this.#clientOf.get(remote);
      const throughMs = this.bottleneck.pass(bytes.length + 28, this.nowMs);
      if (client === undefined || throughMs === undefined) continue;
      this.#underway.add({ client, bytes, local, remote, toClient: true }, throughMs + rttMs / 2);
    }
  }

  #drainClient(index: number, delayMs: number): void {
    const { packets, deliveries } = this.#clients[index]!.takeOutputs();
    for (const { payload } of deliveries) this.received[index]! += payload.length;
    for (const { bytes, local, remote } of packets) {
      const atMs = this.nowMs + delayMs + rttMs / 2;
      this.#underway.add({ client: index, bytes, local, remote, toClient: false }, atMs);
    }
  }
}

/** Jain's index over the user data that each association delivered, after the first seconds. */
export function fairness(count: number, seed: number): string {
  const crowd = new Crowd(count, seed);
  crowd.run(rampMs);
  const before = [...crowd.received];
  crowd.run(windowMs);
  const shares = crowd.received.map((bytes, index) => bytes - (before[index] ?? 0));
  const total = shares.reduce((sum, share) => sum + share, 0);
  const mbits = (bytes: number): string => ((bytes * 8) / (windowMs * 1000)).toFixed(2);
  const sorted = shares.toSorted((a, b) => a - b);
  return [
    `${count} associations for ${windowMs / 1000} s of virtual time, seed ${seed}`,
    `bottleneck ${(count * shareBitsPerSecond) / 1e6} Mbit/s, round trip ${rttMs} ms, queue ${rttMs} ms, ${crowd.bottleneck.dropped} packets dropped`,
    `goodput ${mbits(total)} Mbit/s; the least ${mbits(sorted[0] ?? 0)}, the middle ${mbits(sorted[count >> 1] ?? 0)}, the most ${mbits(sorted.at(-1) ?? 0)} Mbit/s each`,
    `Jain's index ${jainsIndex(shares).toFixed(4)}`,
    "",
  ].join("\n");
}
