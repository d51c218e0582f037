import type { MtuSearch } from "../path/mtu-search.ts";
import {
  basePacketBytes,
  maxProbes,
  nextProbeBytes,
  probeLost,
  raiseIntervalMs,
} from "../path/mtu-search.ts";
import type { Path } from "../path/path.ts";
import { chunkLength, commonHeaderBytes } from "../wire/index.ts";
import type { HeartbeatAckChunk, HeartbeatChunk } from "../wire/index.ts";
import type { AssociationCore } from "./core.ts";
import { PacketBuilder } from "./packet-builder.ts";

/** Path MTU discovery by HEARTBEAT and PAD (RFC 9260 section 7.3, RFC 8899 section 6.2.1, RFC 4820). */

const nonceBytes = 16;
const padHeaderBytes = 4;

/** Begins with what every path takes; a path without discovery keeps the size that was configured. */
export function startMtuSearch(core: AssociationCore, path: Path, nowMs: number): void {
  if (!path.settings.pathMtuDiscovery) {
    core.deadlines.clear(path.mtuTimer);
    return;
  }
  path.packetSizeBytes = Math.min(path.packetSizeBytes, basePacketBytes);
  path.mtu.ceilingBytes = core.parameters.largestPacketBytes + 1;
  core.deadlines.set(path.mtuTimer, nowMs);
}

/** The timer of the search: a probe is due, or lost, or it is time to look for something better. */
export function mtuProbeDue(core: AssociationCore, path: Path, nowMs: number): void {
  const { mtu } = path;
  const { phase } = core.state;
  const mayProbe = phase === "established" && path.confirmed && path.reachability === "active";
  if (!path.settings.pathMtuDiscovery || phase === "closed") return;
  if (!mayProbe) {
    core.deadlines.set(path.mtuTimer, nowMs + path.rto.rtoMs);
    return;
  }
  if (mtu.probe !== undefined) probeLost(mtu);
  else if (nextProbeBytes(mtu, path.packetSizeBytes) === undefined) {
    // PMTU_RAISE_TIMER: the path may be another one by now.
    mtu.ceilingBytes = core.parameters.largestPacketBytes + 1;
  }
  probe(core, path, nowMs);
}

function probe(core: AssociationCore, path: Path, nowMs: number): void {
  const { mtu } = path;
  const sizeBytes = mtu.probe?.sizeBytes ?? nextProbeBytes(mtu, path.packetSizeBytes);
  if (sizeBytes === undefined) {
    core.deadlines.set(path.mtuTimer, nowMs + raiseIntervalMs);
    return;
  }
  const nonce = core.random.bytes(nonceBytes);
  mtu.probe = { nonce, sizeBytes };
  path.timedOut = undefined;
  const heartbeat: HeartbeatChunk = { type: "HEARTBEAT", info: nonce };
  const builder = new PacketBuilder(core, core.routeTo(path), sizeBytes);
  builder.add(heartbeat, 0, "heartbeat");
  const authBytes = Math.max(core.authenticationBytes(4), core.authenticationBytes(0x84));
  const padding = sizeBytes - commonHeaderBytes - authBytes - chunkLength(heartbeat) - padHeaderBytes;
  builder.add({ type: "PAD", padding: new Uint8Array(padding) }, 0, "heartbeat");
  builder.finish();
  core.deadlines.set(path.mtuTimer, nowMs + path.rto.rtoMs);
}

/** A HEARTBEAT ACK that answers a probe; false where it is none. */
export function mtuProbeAnswered(core: AssociationCore, chunk: HeartbeatAckChunk, nowMs: number): boolean {
  const path = core.allPaths.find(({ mtu }) => answers(mtu, chunk.info));
  if (path === undefined) return false;
  const { mtu } = path;
  path.packetSizeBytes = Math.max(path.packetSizeBytes, mtu.probe?.sizeBytes ?? 0);
  mtu.probe = undefined;
  mtu.lost = 0;
  probe(core, path, nowMs);
  return true;
}

function answers(mtu: MtuSearch, info: Uint8Array): boolean {
  const nonce = mtu.probe?.nonce;
  return nonce?.length === info.length && nonce.every((byte, at) => byte === info[at]);
}

/** T3-rtx expired again and again: where packets were large they may vanish on their way (RFC 8899 section 4.3). */
export function suspectBlackHole(core: AssociationCore, path: Path, nowMs: number): void {
  const { mtu } = path;
  mtu.timeouts += 1;
  if (mtu.timeouts < maxProbes || !path.settings.pathMtuDiscovery) return;
  if (path.packetSizeBytes <= basePacketBytes) return;
  mtu.probe = undefined;
  mtu.lost = 0;
  path.packetSizeBytes = basePacketBytes;
  core.deadlines.set(path.mtuTimer, nowMs + raiseIntervalMs);
}

/**
 * ICMP says that a packet was too big, and what the next hop takes (RFC 8899 section 4.6.1). Only a size
 * that is smaller than ours and not absurd is believed.
 */
export function packetTooBig(core: AssociationCore, path: Path, mtuBytes: number, nowMs: number): void {
  if (!path.settings.pathMtuDiscovery) return;
  const ipHeaderBytes = path.address.includes(":") ? 40 : 20;
  const udpHeaderBytes = path.remotePort === undefined ? 0 : 8;
  const sizeBytes = (mtuBytes - ipHeaderBytes - udpHeaderBytes) & ~3;
  const { mtu } = path;
  if (mtu.probe !== undefined && sizeBytes >= path.packetSizeBytes && sizeBytes < mtu.probe.sizeBytes) {
    mtu.ceilingBytes = sizeBytes + 1;
    mtu.probe = undefined;
    mtu.lost = 0;
    core.deadlines.set(path.mtuTimer, nowMs);
    return;
  }
  if (sizeBytes >= path.packetSizeBytes || sizeBytes < smallestPacketBytes) return;
  path.packetSizeBytes = sizeBytes;
  mtu.ceilingBytes = sizeBytes + 1;
  mtu.probe = undefined;
  core.deadlines.set(path.mtuTimer, nowMs + raiseIntervalMs);
}

/** IPv4 links take at least 576 bytes in practice: less in an ICMP message is an attack (RFC 5927). */
const smallestPacketBytes = 576 - 28;
