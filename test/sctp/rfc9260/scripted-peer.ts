import { expect } from "vitest";
import type {
  Delivery,
  EndpointConfig,
  Notification,
  PathStatistics,
  ProtocolParameters,
  Route,
} from "../../../agents/sctp/index.ts";
import { Endpoint, rfc9260Parameters, seededRandom } from "../../../agents/sctp/index.ts";
import type { Chunk, SctpPacket } from "../../../agents/sctp/wire/index.ts";
import { parsePacket, writePacket } from "../../../agents/sctp/wire/index.ts";
import { ordinary, translated } from "./fill-in.ts";
import type { Expected, Sketch } from "./sketches.ts";
import { asEnvelope, heartbeatAck, init, rawPacket } from "./sketches.ts";

/**
 * Packets of 1012 bytes carry DATA chunks of at most 1000 bytes (PMDCS), header included: a message of
 * 984 bytes fills one, and congestion windows are round numbers.
 */
export const FULL = 984;
const PMDCS = 1000;
export const PEER = "192.0.2.1";
export const PEER_TOO = "192.0.2.2";
export const PEER_THREE = "192.0.2.3";
export const US = "192.168.0.1";
export const US_TOO = "192.168.0.2";
export const PEER_PORT = 5000;
const OUR_PORT = 6000;
const PEER_TAG = 0x0a0b0c0d;
/** So long that no HEARTBEAT on an idle path comes in between, unless a script wants it. */
const NEVER_MS = 1e12;

const quietParameters = {
  ...rfc9260Parameters,
  packetSizeBytes: 12 + PMDCS,
  heartbeatIntervalMs: NEVER_MS,
  // As many as Path.Max.Retrans: no path is potentially failed (RFC 7829) unless a script wants it.
  potentiallyFailedMaxRetrans: rfc9260Parameters.pathMaxRetrans,
  pathMtuDiscovery: false,
  noDelay: true,
};

export interface Setting {
  readonly peerAddresses?: readonly string[];
  readonly localAddresses?: readonly string[];
  /** What the peer says in INIT or INIT ACK about its receive buffer. */
  readonly peerWindow?: number;
  /** The peer's first TSN; scripts count from 1 all the same where it is left out. */
  readonly peerInitialTsn?: number;
  readonly peerParameters?: readonly Readonly<Record<string, unknown>>[];
  readonly listening?: boolean;
  readonly holdsDeliveries?: boolean;
  readonly parameters?: Partial<ProtocolParameters> & Readonly<Record<string, unknown>>;
  /** What the endpoint's source of randomness answers each time it is asked for a number. */
  readonly uint32?: number;
}

export interface PeerPacket {
  readonly chunks?: readonly Sketch[];
  readonly body?: readonly number[];
  readonly tag?: number;
  readonly from?: string;
  readonly to?: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** UDP port of the peer (RFC 6951). */
  readonly remotePort?: number;
  /** The network marked it on its way: ECN's Congestion Experienced. */
  readonly marked?: boolean;
}

export interface Arrival {
  readonly afterMs: number;
  readonly to: string;
  readonly from: string;
  readonly tag: number;
  readonly chunks: readonly Sketch[];
  readonly sizeBytes: number;
  readonly bytes: Uint8Array;
  /** UDP port that the endpoint wants it to go to. */
  readonly remotePort: number | undefined;
}

/** The network, the clock and the scripted peer. */
export class Peer {
  endpoint: Endpoint;
  readonly #config: EndpointConfig;
  readonly addresses: readonly string[];
  readonly localAddresses: readonly string[];
  readonly setting: Setting;
  tag: number = PEER_TAG;
  /** The endpoint's tag, from its INIT or INIT ACK. */
  theirTag: number = 0;
  theirInitialTsn: number = 0;
  cookie: Uint8Array = new Uint8Array(0);
  nowMs: number = 1_000_000;
  /** What the endpoint sent and no step of the script has looked at. */
  arrivals: Arrival[] = [];
  #stepBeganAtMs: number = this.nowMs;
  readonly deliveries: Delivery[] = [];
  readonly notifications: Notification[] = [];
  handle: number = 0;

  #gathers: boolean = false;

  constructor(setting: Setting) {
    this.setting = setting;
    this.addresses = setting.peerAddresses ?? [PEER];
    this.localAddresses = setting.localAddresses ?? [US];
    this.#config = {
      localPort: OUR_PORT,
      localAddresses: this.localAddresses,
      ownAddress: this.localAddresses[0] ?? US,
      listening: setting.listening ?? true,
      cookieKey: new Uint8Array(32).fill(7),
      parameters: { ...quietParameters, ...setting.parameters },
      ...(setting.holdsDeliveries === true ? { holdsDeliveries: true } : {}),
    };
    const { uint32 } = setting;
    const seeded = seededRandom(1);
    const random = uint32 === undefined ? seeded : { ...seeded, uint32: () => uint32 };
    this.endpoint = new Endpoint(this.#config, random);
  }

  /** The endpoint is taken out and put back, in between two steps. */
  restores(): void {
    this.endpoint = Endpoint.restore(this.endpoint.snapshot(), this.#config, seededRandom(2));
  }

  /** One packet with these chunks, from the first address to the first address, with the right tag. */
  sends(...chunks: readonly Sketch[]): void {
    this.sendsPacket({ chunks });
  }

  /** Packets that all are there before the endpoint is asked for what it sends. */
  sendsAtOnce(...packets: readonly (readonly Sketch[])[]): void {
    this.#gathers = true;
    for (const chunks of packets) this.sendsPacket({ chunks });
    this.#gathers = false;
    this.collect();
  }

  sendsFrom(from: string, ...chunks: readonly Sketch[]): void {
    this.sendsPacket({ chunks, from });
  }

  sendsPacket(packet: PeerPacket): void {
    const { sourcePort = PEER_PORT, destinationPort = OUR_PORT } = packet;
    const tag = packet.tag ?? this.theirTag;
    const header = { sourcePort, destinationPort, verificationTag: tag };
    const bytes =
      packet.body === undefined
        ? writePacket({ ...header, chunks: (packet.chunks ?? []).map((each) => this.#complete(each)) })
        : rawPacket({ sourcePort, destinationPort, tag }, packet.body);
    this.sendsBytes(bytes, packet);
  }

  sendsBytes(bytes: Uint8Array, way: PeerPacket = {}): void {
    this.#begin();
    this.endpoint.receive(bytes, this.#route(way), this.nowMs, way.marked);
    this.collect();
  }

  /** Exactly these packets have come, now. */
  gets(...expected: readonly Expected[]): void {
    this.#compare(expected, 0);
  }

  /** Nothing came up to `ms` from now, and then exactly these packets. */
  getsAfter(ms: number, ...expected: readonly Expected[]): void {
    this.#nothingWaits();
    this.#begin();
    this.#advance(ms);
    this.#compare(expected, ms);
  }

  getsNothing(): void {
    this.#compare([], 0);
  }

  getsNothingFor(ms: number): void {
    this.getsAfter(ms);
  }

  /** Time passes; whatever came in between is handed out and forgotten. */
  skips(ms: number = 0): Arrival[] {
    this.#begin();
    this.#advance(ms);
    return this.arrivals.splice(0);
  }

  /** The first packet that comes in the next `limitMs`, with the time that it took. */
  next(limitMs: number): Arrival | undefined {
    this.#begin();
    const endMs = this.nowMs + limitMs;
    while (this.arrivals.length === 0) {
      const dueMs = this.endpoint.nextDeadlineMs();
      if (dueMs === undefined || dueMs > endMs) break;
      this.#fire(dueMs);
    }
    if (this.arrivals.length === 0) this.nowMs = endMs;
    return this.arrivals.shift();
  }

  /** Answers each HEARTBEAT that is waiting, as its receiver would. */
  answersHeartbeats(): void {
    for (const { chunks, to, from } of this.arrivals.splice(0)) {
      const request = chunks.find(({ type }) => type === "HEARTBEAT");
      if (request === undefined) continue;
      this.sendsPacket({ chunks: [heartbeatAck({ info: request["info"] })], from: to, to: from });
    }
  }

  /** INIT, as the endpoint would get it from a peer that calls. */
  calls(fields: Readonly<Record<string, unknown>> = {}, packet: PeerPacket = {}): void {
    this.sendsPacket({ chunks: [init(fields)], tag: 0, ...packet });
  }

  /** Takes the INIT ACK that has come as the answer to `calls`. */
  takesInitAck(): Sketch {
    const answer = this.arrivals.splice(0).flatMap(({ chunks }) => chunks)[0];
    expect(answer).toMatchObject({ type: "INIT_ACK" });
    this.#learn(answer);
    return answer!;
  }

  /** Takes the INIT of an endpoint that calls. */
  takesInit(): Sketch {
    const call = this.arrivals.splice(0).flatMap(({ chunks }) => chunks)[0];
    expect(call).toMatchObject({ type: "INIT" });
    this.#learn(call);
    return call!;
  }

  /** How the endpoint says that a path fares. */
  path(address: string = PEER): PathStatistics {
    const path = this.endpoint.statistics(this.handle)?.paths.find((each) => each.address === address);
    if (path === undefined) throw new Error(`there is no path to ${address}`);
    return path;
  }

  get cwnd(): number {
    return this.path().windowBytes;
  }

  get flight(): number {
    return this.path().flightBytes;
  }

  collect(): void {
    if (this.#gathers) return;
    const outputs = this.endpoint.takeOutputs();
    for (const { association, notification } of outputs.notifications) {
      this.notifications.push(notification);
      if (notification.type === "association-change" && notification.state === "comm-up")
        this.handle = association;
    }
    this.deliveries.push(...outputs.deliveries);
    for (const packet of outputs.packets) this.#arrive(packet.bytes, packet);
  }

  /** A call of the user, as a step of the script. */
  step<T>(call: () => T): T {
    this.#begin();
    const answer = call();
    this.collect();
    return answer;
  }

  #arrive(bytes: Uint8Array, route: Route): void {
    const parsed = parsePacket(bytes);
    if (!parsed.ok || !parsed.checksumGood || parsed.flaw !== undefined)
      throw new Error(`the endpoint sent a bad packet: ${JSON.stringify(parsed)}`);
    const { packet } = parsed;
    this.arrivals.push({
      afterMs: this.nowMs - this.#stepBeganAtMs,
      to: route.remote,
      from: route.local,
      tag: packet.verificationTag,
      chunks: this.#sketches(packet),
      sizeBytes: bytes.length,
      bytes,
      remotePort: (route as { readonly remotePort?: number }).remotePort,
    });
  }

  #sketches({ chunks }: SctpPacket): Sketch[] {
    return chunks.map((chunk) => {
      const relative = (tsn: number): number => (tsn - this.theirInitialTsn + 1) >>> 0;
      if (chunk.type === "CWR") return { ...chunk, lowestTsn: relative(chunk.lowestTsn) };
      if (chunk.type === "I_FORWARD_TSN" || chunk.type === "FORWARD_TSN")
        return { ...chunk, newCumulativeTsn: relative(chunk.newCumulativeTsn) };
      if (chunk.type !== "DATA" && chunk.type !== "I_DATA") return { ...chunk };
      const tsn = relative(chunk.tsn);
      return { ...chunk, tsn, size: chunk.payload.length };
    });
  }

  #compare(expected: readonly Expected[], afterMs: number): void {
    const wanted = expected.map((each) => ({ ...asEnvelope(each), afterMs }));
    const came = this.arrivals.splice(0).map(({ bytes: _, ...packet }) => packet);
    expect(came, `what came: ${came.map(inWords).join("; ") || "nothing"}`).toMatchObject(wanted);
  }

  #nothingWaits(): void {
    expect(this.arrivals, "packets that the script did not look at").toEqual([]);
  }

  #begin(): void {
    this.#stepBeganAtMs = this.nowMs;
  }

  #advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let turns = 0; ; turns += 1) {
      if (turns > 100_000) throw new Error("the endpoint does not come to rest");
      const dueMs = this.endpoint.nextDeadlineMs();
      if (dueMs === undefined || dueMs > endMs) break;
      this.#fire(dueMs);
    }
    this.nowMs = endMs;
  }

  #fire(dueMs: number): void {
    this.nowMs = Math.max(this.nowMs, dueMs);
    this.endpoint.advance(this.nowMs);
    this.collect();
  }

  #route({ from, to, remotePort }: PeerPacket): Route {
    const local = to ?? this.localAddresses[0] ?? US;
    const remote = from ?? this.addresses[0] ?? PEER;
    return { local, remote, ...(remotePort === undefined ? {} : { remotePort }) };
  }

  #learn(chunk: Sketch | undefined): void {
    const parameters = chunk?.["parameters"] as readonly { type: string; cookie?: Uint8Array }[];
    this.theirTag = chunk?.["initiateTag"] as number;
    this.theirInitialTsn = chunk?.["initialTsn"] as number;
    const cookie = parameters.find(({ type }) => type === "STATE_COOKIE")?.cookie;
    if (cookie !== undefined) this.cookie = cookie;
  }

  /** What the peer sends: counts TSNs of the endpoint from 1, and fills in what the sketch leaves out. */
  #complete(sketch: Sketch): Chunk {
    const theirs = (tsn: unknown): number => (Number(tsn) + this.theirInitialTsn - 1) >>> 0;
    return { ...ordinary(sketch, this), ...sketch, ...translated(sketch, theirs) } as unknown as Chunk;
  }
}

/** For whoever reads why a step failed. */
function inWords({ afterMs, to, chunks }: Omit<Arrival, "bytes">): string {
  const names = chunks.map(({ type, tsn }) => (typeof tsn === "number" ? `${type} ${tsn}` : type));
  return `after ${afterMs} ms to ${to} ${names.join(", ")}`;
}
