import type { EndpointConfig, RandomSource, Reliability } from "../../../agents/sctp/index.ts";
import { Fifo, seededRandom } from "../../../agents/sctp/index.ts";
import type { AcceptedMessage } from "./checker/message-checker.ts";
import { Dice } from "./dice.ts";
import type { Knobs, Side } from "./knobs.ts";
import { otherSide } from "./knobs.ts";
import { HostKeys } from "./host-keys.ts";
import { Interfaces } from "./interfaces.ts";
import type { EndpointPort, PortFactory } from "./port.ts";

const port = 5000;

/** What became of one association, as its user on one side knows it. */
export interface Handle {
  readonly handle: number;
  peerHandle: number | undefined;
  status: "calling" | "up" | "complete" | "lost" | "forgotten";
  /** When the user asked for its end, by the clock of the simulation. */
  shutdownAtMs: number | undefined;
  reason: string;
}

/** Draws of which some lie so near to 2^32 that TSNs wrap within a run; none of those comes twice, because they are tags too. */
export function nearWrap(source: RandomSource, given: Set<number>): RandomSource {
  const uint32 = (): number => {
    const value = source.uint32();
    const near = (0xffffff00 | value) >>> 0;
    if ((value & 0x300) === 0 || given.has(near)) return value;
    given.add(near);
    return near;
  };
  return { uint32, bytes: (length) => source.bytes(length) };
}

/** A message that the user wants to send, on a stream that is still to be cut to those that there are. */
interface PlannedMessage extends AcceptedMessage {
  readonly reliability: Reliability | undefined;
}

/** One side: its endpoint, its clock, and the user who sends and counts. */
export class Host {
  readonly side: Side;
  readonly addresses: readonly string[];
  readonly handles: Map<number, Handle> = new Map<number, Handle>();
  readonly queue: PlannedMessage[] = [];
  endpoint: EndpointPort;
  /** What this computer's clock is ahead of the simulation's. */
  clockAheadMs: number = 0;
  current: Handle | undefined;
  /** Delivered bytes that the user has not read yet, by association, and when it reads again. */
  readonly unread: Map<number, number> = new Map<number, number>();
  readAtMs: number | undefined;
  /** When the user calls again. */
  callAtMs: number | undefined;
  generation: number = 0;
  readonly interfaces: Interfaces;
  readonly keys: HostKeys = new HostKeys();
  readonly #knobs: Knobs;
  readonly #make: PortFactory;
  readonly #dice: Dice;
  readonly #wrapped: Set<number> = new Set<number>();
  readonly #nearWrap: Set<number> = new Set<number>();
  #messages: number = 0;

  constructor(side: Side, knobs: Knobs, make: PortFactory) {
    this.side = side;
    this.#knobs = knobs;
    this.#make = make;
    this.addresses = knobs[side].addresses;
    this.#dice = new Dice(knobs.seed, `user ${side}`);
    this.interfaces = new Interfaces(this.addresses, knobs[side].standbyAddresses);
    this.endpoint = this.#newEndpoint();
    if (knobs[side].connects) this.callAtMs = this.#dice.pick([0, 0, 1, 20]);
  }

  #newEndpoint(): EndpointPort {
    const { addresses, parameters, connects } = this.#knobs[this.side];
    const listening = !connects || this.#knobs[otherSide(this.side)].connects;
    const config: EndpointConfig = {
      localPort: port,
      localAddresses: addresses,
      ownAddress: addresses[0] ?? "",
      listening,
      // A key of the process: a cookie of an instance that is gone opens nothing.
      cookieKey: new Uint8Array(32).fill((this.side === "a" ? 1 : 2) + 2 * this.generation),
      parameters,
      holdsDeliveries: this.#knobs[this.side].readsEveryMs > 0,
    };
    const salt = this.side === "a" ? 0x51 : 0x52;
    const source = seededRandom(Math.imul(this.#knobs.seed, 2654435761) + salt + 977 * this.generation);
    const endpoint = this.#make(config, this.#knobs.tsnNearWrap ? nearWrap(source, this.#nearWrap) : source);
    this.keys.giveTo(endpoint);
    return endpoint;
  }

  /** The process is gone and starts anew: nothing is left of its associations. */
  restart(): void {
    for (const each of this.handles.values()) {
      if (each.status === "calling" || each.status === "up") each.status = "forgotten";
    }
    this.generation += 1;
    this.current = undefined;
    this.unread.clear();
    this.endpoint = this.#newEndpoint();
  }

  handle(handle: number): Handle {
    let found = this.handles.get(handle);
    if (found === undefined) {
      found = { handle, peerHandle: undefined, status: "calling", shutdownAtMs: undefined, reason: "" };
      this.handles.set(handle, found);
    }
    return found;
  }

  call(nowMs: number): void {
    this.callAtMs = undefined;
    const { addresses } = this.#knobs[otherSide(this.side)];
    const remote = this.#dice.chance(0.3) ? addresses : this.#dice.pick(addresses);
    this.current = this.handle(this.endpoint.connect(remote, port, nowMs + this.clockAheadMs));
  }

  /** A delivery came; a slow reader leaves it in the receive buffer for a while. */
  arrived(association: number, bytes: number, nowMs: number): void {
    const { readsEveryMs } = this.#knobs[this.side];
    if (readsEveryMs === 0) return;
    this.unread.set(association, (this.unread.get(association) ?? 0) + bytes);
    this.readAtMs ??= nowMs + readsEveryMs;
  }

  /** The user reads, all of it or the half. */
  read(nowMs: number): void {
    this.readAtMs = undefined;
    for (const [association, bytes] of this.unread) {
      const taken = this.#dice.chance(0.5) ? bytes : Math.ceil(bytes / 2);
      this.endpoint.consumed(association, taken, nowMs + this.clockAheadMs);
      if (taken === bytes) this.unread.delete(association);
      else this.unread.set(association, bytes - taken);
    }
    if (this.unread.size > 0) this.readAtMs = nowMs + this.#knobs[this.side].readsEveryMs;
  }

  /** The user has `count` more messages to send. */
  plan(count: number): void {
    const { largestMessageBytes, unorderedShare, unreliableShare } = this.#knobs[this.side];
    const { receiveBufferBytes, partialDeliveryPointBytes } = this.#knobs[otherSide(this.side)].parameters;
    // Only in parts does a message get through a buffer that is smaller than it is.
    const inParts = partialDeliveryPointBytes <= receiveBufferBytes / 4;
    const largest = Math.min(largestMessageBytes, inParts ? 5 * receiveBufferBytes : receiveBufferBytes / 2);
    for (let made = 0; made < count; made++) {
      this.#messages += 1;
      const id = (this.side === "a" ? 0 : 0x8000_0000) + this.#messages;
      const size = this.#dice.chance(0.5)
        ? this.#dice.int(1, largest)
        : this.#dice.int(1, Math.min(largest, 200));
      const payload = new Uint8Array(size);
      let state = Math.imul(id ^ this.#knobs.seed, 0x9e3779b1);
      for (let at = 0; at < size; at++) {
        state = (Math.imul(state, 1664525) + 1013904223) | 0;
        payload[at] = state >>> 24;
      }
      const streamId = this.#dice.uint32() >>> 8;
      const unordered = this.#dice.chance(unorderedShare);
      const reliability = this.#dice.chance(unreliableShare) ? this.#policy() : undefined;
      this.queue.push({ id, streamId, unordered, payload, reliability });
    }
  }

  #policy(): Reliability {
    return this.#dice.pick<Reliability>([
      { policy: "timed", lifetimeMs: this.#dice.pick([1, 20, 200, 2000]) },
      { policy: "limited-retransmissions", maxRetransmits: this.#dice.pick([0, 0, 1, 3]) },
      { policy: "priority", priority: this.#dice.int(0, 3) },
    ]);
  }

  /** With the knob nothing is sent before both sides are up and their streams are near their wrap. */
  get waitsForWrap(): boolean {
    return this.#knobs.ssnNearWrap && this.current !== undefined && !this.#wrapped.has(this.current.handle);
  }

  /** Gives the endpoint the user's next message; answers it where it was accepted. */
  pump(nowMs: number): AcceptedMessage | undefined {
    const { current } = this;
    if (current?.status !== "up" || this.waitsForWrap) return undefined;
    const state = this.endpoint.state(current.handle);
    for (let first = this.queue[0]; first !== undefined && state !== undefined; first = this.queue[0]) {
      const message = { ...first, streamId: first.streamId % state.agreement.outboundStreams };
      const { streamId, unordered, payload, id: ppid, reliability } = message;
      const terms = reliability === undefined ? {} : { reliability, context: ppid };
      const answer = this.endpoint.send(
        current.handle,
        { streamId, unordered, payload, ppid, ...terms },
        nowMs + this.clockAheadMs,
      );
      if (answer === "queue-full") return undefined;
      this.queue.shift();
      if (answer === "accepted") return message;
      // Whoever is shutting down takes no more.
      if (answer !== "not-connected") throw new Error(`send answered ${answer}`);
    }
    return undefined;
  }

  /** Streams of this user can be re-configured: they are numbered as they are to be. */
  get mayReconfigure(): boolean {
    if (this.current?.status !== "up") return false;
    return !this.#knobs.ssnNearWrap || this.#wrapped.has(this.current.handle);
  }

  /** Requests of RFC 6525 and RFC 5061 that its peer has not answered. */
  get hasOpenRequests(): boolean {
    const state = this.current && this.endpoint.state(this.current.handle);
    if (state === undefined) return false;
    const { reconfiguration, asconf } = state;
    return [reconfiguration, asconf].some(
      ({ inFlight, wanted }) => inFlight !== undefined || wanted.length > 0,
    );
  }

  /** Puts the stream sequence numbers of a fresh association near their wrap. */
  wrapStreams(): void {
    if (this.current === undefined || this.#wrapped.has(this.current.handle)) return;
    this.#wrapped.add(this.current.handle);
    const state = this.endpoint.state(this.current.handle);
    if (state === undefined) return;
    // Message identifiers of I-DATA have 32 bits (RFC 8260 section 2.1).
    const nextSsn = state.send.interleaving ? 0xffff_fffa : 65_530;
    for (let streamId = 0; streamId < state.agreement.outboundStreams; streamId++) {
      state.send.streams.set(streamId, { nextSsn, nextUnorderedMid: nextSsn, queue: new Fifo() });
    }
    for (let streamId = 0; streamId < state.agreement.inboundStreams; streamId++) {
      state.receive.nextSsn[streamId] = nextSsn;
    }
  }
}
