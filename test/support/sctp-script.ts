import { expect } from "vitest";
import type { Chunk, InitChunk, SctpPacket } from "../../agents/sctp/wire/index.ts";
import { parsePacket, writePacket } from "../../agents/sctp/wire/index.ts";
import type { Tsn } from "../../agents/sctp/index.ts";
import { ssn, tsn } from "../../agents/sctp/index.ts";

/**
 * Words for scripts in which a test plays the SCTP peer of something real: small readable chunks out, and
 * expectations of what comes back, with their instants. It knows no transport: bytes go out of `ScriptPeer`
 * and packets that were caught come in.
 */

export interface Caught {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly packet: SctpPacket;
}

export function catchPacket(atMs: number, from: string, to: string, bytes: Uint8Array): Caught {
  const parsed = parsePacket(bytes);
  if (!parsed.ok) throw new Error(`what was sent is no SCTP packet: ${parsed.reason}`);
  if (!parsed.checksumGood) throw new Error("what was sent has a wrong CRC32c");
  if (parsed.flaw !== undefined) throw new Error(`what was sent is malformed: ${parsed.flaw.reason}`);
  return { atMs, from, to, packet: parsed.packet };
}

/** What a script says about a packet that must have come; what it leaves out may be anything. */
export interface ExpectedPacket {
  /** All chunks in their order, each with the fields that matter. */
  readonly chunks: readonly (Readonly<Record<string, unknown>> & { readonly type: Chunk["type"] })[];
  readonly atMs?: number;
  /** How far from `atMs` it may be, either way; 0 where it is left out. */
  readonly toleranceMs?: number;
  readonly from?: string;
  readonly to?: string;
  readonly tag?: number;
}

/** Exactly these packets have come, in this order. */
export function expectPackets(caught: readonly Caught[], expected: readonly ExpectedPacket[]): void {
  const types = (chunks: readonly { readonly type: string }[]): string =>
    chunks.map(({ type }) => type).join("+");
  expect(caught.map(({ packet }) => types(packet.chunks))).toEqual(
    expected.map(({ chunks }) => types(chunks)),
  );
  for (const [index, wanted] of expected.entries()) {
    const { packet, atMs, from, to } = caught[index] as Caught;
    for (const [place, chunk] of wanted.chunks.entries())
      expect(packet.chunks[place], `packet ${index}`).toMatchObject(chunk);
    const off = wanted.atMs === undefined ? 0 : Math.abs(atMs - wanted.atMs);
    expect(off, `packet ${index} left at ${atMs} ms, not at ${wanted.atMs}`).toBeLessThanOrEqual(
      wanted.toleranceMs ?? 1e-6,
    );
    if (wanted.from !== undefined) expect(from, `source of packet ${index}`).toBe(wanted.from);
    if (wanted.to !== undefined) expect(to, `destination of packet ${index}`).toBe(wanted.to);
    if (wanted.tag !== undefined) expect(packet.verificationTag).toBe(wanted.tag);
  }
}

export interface Envelope {
  readonly tag?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** The packet is written with a CRC32c that is wrong. */
  readonly badChecksum?: boolean;
}

const peerTag = 0x0a0b0c0d;
const firstTsn = 1;

/** The peer that a script plays: its tags and numbers, and what it has learned of the other side. */
export class ScriptPeer {
  readonly port: number;
  readonly theirPort: number;
  readonly tag: number = peerTag;
  windowBytes: number = 100_000;
  /** TSN of the next DATA. */
  nextTsn: number = firstTsn;
  theirTag: number = 0;
  theirFirstTsn: number = 0;
  cookie: Uint8Array = new Uint8Array(0);
  /** SSN of the next ordered message, by stream. */
  readonly #ssns: Map<number, number> = new Map<number, number>();

  constructor(port: number = 8080, theirPort: number = 8080) {
    this.port = port;
    this.theirPort = theirPort;
  }

  /** Takes tag, first TSN and cookie from INIT or INIT ACK. */
  learn(packet: SctpPacket): void {
    const [chunk] = packet.chunks;
    if (chunk?.type !== "INIT" && chunk?.type !== "INIT_ACK") return;
    this.theirTag = chunk.initiateTag;
    this.theirFirstTsn = chunk.initialTsn;
    for (const parameter of chunk.parameters)
      if (parameter.type === "STATE_COOKIE") this.cookie = parameter.cookie;
  }

  write(chunks: readonly Chunk[], envelope: Envelope = {}): Uint8Array {
    const isInit = chunks[0]?.type === "INIT";
    const bytes = writePacket({
      sourcePort: envelope.sourcePort ?? this.port,
      destinationPort: envelope.destinationPort ?? this.theirPort,
      verificationTag: envelope.tag ?? (isInit ? 0 : this.theirTag),
      chunks,
    });
    if (envelope.badChecksum === true) bytes[8] = (bytes[8] ?? 0) ^ 1;
    return bytes;
  }

  init(fields: Partial<InitChunk> = {}): Chunk {
    return { ...this.#setUp(), ...fields, type: "INIT" };
  }

  /** INIT ACK; `addresses` are those of the peer beside the one that the packet comes from. */
  initAck(fields: Partial<InitChunk> = {}, addresses: readonly string[] = []): Chunk {
    const cookie = { type: "STATE_COOKIE", cookie: Uint8Array.from([1, 2, 3, 4]) } as const;
    const listed = addresses.map((address) => ({ type: "IPV4_ADDRESS", address }) as const);
    return { ...this.#setUp(), parameters: [...listed, cookie], ...fields, type: "INIT_ACK" };
  }

  #setUp(): Omit<InitChunk, "type"> {
    return {
      initiateTag: this.tag,
      advertisedWindow: this.windowBytes,
      outboundStreams: 16,
      inboundStreams: 16,
      initialTsn: tsn(firstTsn),
      parameters: [],
    };
  }

  cookieEcho(): Chunk {
    return { type: "COOKIE_ECHO", cookie: this.cookie };
  }

  /** The next DATA chunk: a message of `length` bytes unless the fields say otherwise. */
  data(length: number, fields: Partial<Extract<Chunk, { type: "DATA" }>> = {}): Chunk {
    const next = fields.tsn ?? tsn(this.nextTsn);
    if (fields.tsn === undefined) this.nextTsn += 1;
    const { streamId = 0, unordered = false, ending = true } = fields;
    const number = fields.ssn ?? ssn(unordered ? 0 : (this.#ssns.get(streamId) ?? 0));
    if (!unordered && ending) this.#ssns.set(streamId, ssn(number + 1));
    return {
      type: "DATA",
      tsn: next,
      streamId: 0,
      ppid: 0,
      unordered: false,
      beginning: true,
      ending: true,
      immediate: false,
      payload: new Uint8Array(length),
      ...fields,
      ssn: number,
    };
  }

  /** Their TSN number `count`, the first being 1. */
  theirTsn(count: number): Tsn {
    return tsn((this.theirFirstTsn + count - 1) >>> 0);
  }

  /** Acknowledges their first `count` DATA chunks. */
  sack(count: number, fields: Partial<Extract<Chunk, { type: "SACK" }>> = {}): Chunk {
    return {
      type: "SACK",
      cumulativeTsn: this.theirTsn(count),
      advertisedWindow: this.windowBytes,
      gaps: [],
      duplicates: [],
      ...fields,
    };
  }

  /** SHUTDOWN that acknowledges their first `count` DATA chunks. */
  shutdown(count: number): Chunk {
    return { type: "SHUTDOWN", cumulativeTsn: this.theirTsn(count) };
  }
}

export const cookieAck: Chunk = { type: "COOKIE_ACK" };
export const shutdownAck: Chunk = { type: "SHUTDOWN_ACK" };
export const shutdownComplete: Chunk = { type: "SHUTDOWN_COMPLETE", tagReflected: false };
export const abort: Chunk = { type: "ABORT", tagReflected: false, causes: [] };
