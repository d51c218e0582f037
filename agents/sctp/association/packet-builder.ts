import type { ByteSource } from "../base/bytes.ts";
import { padded } from "../base/bytes.ts";
import type { Chunk } from "../wire/index.ts";
import {
  chunkLength,
  chunkTypeNumber,
  commonHeaderBytes,
  dataHeaderBytes,
  iDataHeaderBytes,
  sealPacket,
  writeChunkInto,
} from "../wire/index.ts";
import type { AssociationCore, PathTransmission } from "./core.ts";
import type { PacketReason, Route } from "./outputs.ts";

/**
 * A packet being written, with what its departure depends on. Only one packet is written at a time.
 * Control chunks come before DATA (RFC 9260 section 6.10).
 */
export class PacketBuilder {
  readonly route: Route;
  readonly #core: AssociationCore;
  readonly #out: ByteSource;
  readonly #start: number;
  readonly #limit: number;
  #at: number;
  #dependsOn: number = 0;
  #reason: PacketReason | undefined;
  #probe: boolean = false;
  /** Where the AUTH chunk is, which is completed last. */
  #authAt: number | undefined;

  constructor(core: AssociationCore, route: Route, limitBytes: number) {
    this.route = route;
    this.#core = core;
    this.#start = core.arena.begin(limitBytes);
    this.#out = core.arena.slab;
    this.#limit = this.#start + limitBytes;
    this.#at = this.#start + commonHeaderBytes;
  }

  get isEmpty(): boolean {
    return this.#at === this.#start + commonHeaderBytes;
  }

  /** Bytes that still fit where a chunk of this type comes next. */
  roomFor(chunkType: number): number {
    const authBytes = this.#authAt === undefined ? this.#core.authenticationBytes(chunkType) : 0;
    return this.#limit - this.#at - authBytes;
  }

  /** RFC 4895 section 6.2: AUTH stands in front of the first chunk that needs it, and covers all that follow. */
  #authenticate(chunkType: number): void {
    const { authenticator } = this.#core;
    if (authenticator === undefined || this.#authAt !== undefined) return;
    if (!authenticator.peerRequires(chunkType)) return;
    this.#authAt = this.#at;
    writeChunkInto(authenticator.placeholder(), this.#out, this.#at);
    this.#at += authenticator.chunkBytes;
  }

  add(chunk: Chunk, dependsOn: number, reason: PacketReason): void {
    this.#authenticate(chunkTypeNumber(chunk));
    writeChunkInto(chunk, this.#out, this.#at);
    this.#at += chunkLength(chunk);
    if (chunk.type === "PAD") this.#probe = true;
    this.#took(dependsOn, reason);
  }

  /** Writes DATA, or I-DATA where messages are interleaved, straight from what is outstanding. */
  addData(transmission: PathTransmission, immediate: boolean, reason: PacketReason): void {
    const { chunk } = transmission;
    const { bytes, view } = this.#out;
    const { interleaving } = this.#core.state.send;
    this.#authenticate(interleaving ? 64 : 0);
    const at = this.#at;
    const header = interleaving ? iDataHeaderBytes : dataHeaderBytes;
    const flags =
      (immediate || chunk.immediate ? 8 : 0) |
      (chunk.unordered ? 4 : 0) |
      (chunk.beginning ? 2 : 0) |
      (chunk.ending ? 1 : 0);
    const length = header + chunk.payload.length;
    view.setUint32(at, ((interleaving ? 64 : 0) << 24) | (flags << 16) | length);
    view.setUint32(at + 4, chunk.tsn);
    view.setUint16(at + 8, chunk.streamId);
    if (interleaving) {
      view.setUint32(at + 12, chunk.ssn);
      view.setUint32(at + 16, chunk.beginning ? chunk.ppid : chunk.fsn);
    } else {
      view.setUint16(at + 10, chunk.ssn);
      view.setUint32(at + 12, chunk.ppid);
    }
    bytes.set(chunk.payload, at + header);
    this.#at = at + padded(length);
    this.#took(transmission.sequence, reason);
  }

  #took(dependsOn: number, reason: PacketReason): void {
    if (dependsOn > this.#dependsOn) this.#dependsOn = dependsOn;
    if (this.#reason === undefined || this.#reason === "sack") this.#reason = reason;
  }

  /** Hands the packet out; an empty one is forgotten. */
  finish(): void {
    if (this.isEmpty) return;
    const core = this.#core;
    const { localPort, peerPort, peerTag } = core.state.agreement;
    const { view } = this.#out;
    view.setUint16(this.#start, localPort);
    view.setUint16(this.#start + 2, peerPort);
    view.setUint32(this.#start + 4, peerTag);
    if (this.#authAt !== undefined) core.authenticator?.sign(this.#out.bytes, this.#authAt, this.#at);
    sealPacket(this.#out, this.#start, this.#at);
    core.arena.finish(this.#at);
    const { local, remote, remotePort } = this.route;
    core.outputs.packets.push({
      association: core.handle,
      local,
      remote,
      remotePort,
      bytes: this.#out.bytes.subarray(this.#start, this.#at),
      reason: this.#reason ?? "data",
      dependsOn: this.#dependsOn,
      ...(this.#probe ? { probe: true } : undefined),
    });
    const path = core.paths.get(remote);
    if (path !== undefined) path.lastSentAtMs = core.nowMs;
  }
}
