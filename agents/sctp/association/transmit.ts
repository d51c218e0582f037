import { assert } from "../base/assert.ts";
import { decayAfterIdle } from "../path/congestion.ts";
import type { Path } from "../path/path.ts";
import { pathForNewData, pathForRetransmission } from "../path/path.ts";
import type { RetransmissionReason, Transmission } from "../tx/flight.ts";
import type { Chunk, DataChunk } from "../wire/index.ts";
import { chunkLength, writePacket } from "../wire/index.ts";
import type { AssociationCore, Route } from "./core.ts";
import { makeSack } from "./on-data.ts";
import type { PacketReason } from "./outputs.ts";
import { maySendData, startShutdownWhenDrained } from "./shutdown.ts";

const commonHeaderBytes = 12;
const dataHeaderBytes = 16;

/** A packet being filled, with what its departure depends on. */
class PacketPlan {
  readonly route: Route;
  readonly chunks: Chunk[] = [];
  #bytes: number = commonHeaderBytes;
  #dependsOn: number = 0;
  reason: PacketReason | undefined;

  constructor(route: Route) {
    this.route = route;
  }

  fits(lengthBytes: number, limitBytes: number): boolean {
    return this.#bytes + lengthBytes <= limitBytes;
  }

  room(limitBytes: number): number {
    return limitBytes - this.#bytes;
  }

  /** Control chunks stand before DATA in a packet (section 6.10): a peer may abort over the other order. */
  add(chunk: Chunk, dependsOn: number, reason: PacketReason): void {
    const firstData = chunk.type === "DATA" ? -1 : this.chunks.findIndex((each) => each.type === "DATA");
    if (firstData < 0) this.chunks.push(chunk);
    else this.chunks.splice(firstData, 0, chunk);
    this.#bytes += chunkLength(chunk);
    this.#dependsOn = Math.max(this.#dependsOn, dependsOn);
    if (this.reason === undefined || this.reason === "sack") this.reason = reason;
  }

  emit(core: AssociationCore): void {
    if (this.chunks.length === 0) return;
    const { agreement } = core.state;
    const bytes = writePacket({
      sourcePort: agreement.localPort,
      destinationPort: agreement.peerPort,
      verificationTag: agreement.peerTag,
      chunks: this.chunks,
    });
    const reason = this.reason ?? "data";
    core.outputs.packets.push({ ...this.route, bytes, reason, dependsOn: this.#dependsOn });
  }
}

/** Sends what may be sent now: control chunks, then retransmissions, then new data (RFC 9260 section 6.10). */
export function flush(core: AssociationCore, nowMs: number): void {
  startShutdownWhenDrained(core, nowMs);
  const plans = planControl(core, nowMs);
  if (maySendData(core.state.phase)) {
    sendRetransmissions(core, plans, nowMs);
    sendNewData(core, plans, nowMs);
    addWaitingSack(core, plans);
  }
  for (const plan of plans) {
    if (plan.chunks.length > 0) core.path(plan.route.remote).lastSentAtMs = nowMs;
    plan.emit(core);
  }
  startShutdownWhenDrained(core, nowMs);
}

const sameRoute = (a: Route, b: Route): boolean => a.local === b.local && a.remote === b.remote;

/** Packets for the waiting control chunks, and for a SACK that is due. */
function planControl(core: AssociationCore, nowMs: number): PacketPlan[] {
  const plans: PacketPlan[] = [];
  const limit = core.parameters.packetSizeBytes;
  for (const control of core.control.splice(0)) {
    let plan = plans.findLast((each) => sameRoute(each.route, control.route));
    if (plan === undefined || !plan.fits(chunkLength(control.chunk), limit)) {
      plan = new PacketPlan(control.route);
      plans.push(plan);
    }
    plan.add(control.chunk, control.dependsOn, control.reason);
    if (control.reason === "heartbeat") core.path(control.route.remote).lastSentAtMs = nowMs;
  }
  if (core.sack.isDue && maySendSack(core)) {
    const plan = new PacketPlan(core.sackRoute);
    plan.add(makeSack(core), core.receivedSequence, "sack");
    plans.push(plan);
  }
  return plans;
}

const maySendSack = (core: AssociationCore): boolean =>
  core.state.phase !== "closed" && core.state.phase !== "cookie-echoed";

/** A SACK that may still wait rides along with data to the same place. */
function addWaitingSack(core: AssociationCore, plans: readonly PacketPlan[]): void {
  if (!core.sack.isWaiting) return;
  const route = core.sackRoute;
  const plan = plans.find((each) => sameRoute(each.route, route) && each.chunks.length > 0);
  if (plan === undefined || !plan.fits(16, core.parameters.packetSizeBytes)) return;
  if (core.state.receive.above.size > 0) return;
  const sack = makeSack(core);
  if (!plan.fits(chunkLength(sack), core.parameters.packetSizeBytes)) {
    core.sack.makeDue();
    return;
  }
  plan.add(sack, core.receivedSequence, plan.reason ?? "sack");
}

const packetReasons: Readonly<Record<RetransmissionReason, PacketReason>> = {
  t3: "t3-retransmission",
  fast: "fast-retransmission",
  takeover: "takeover-retransmission",
};

function sendRetransmissions(core: AssociationCore, plans: PacketPlan[], nowMs: number): void {
  if (!core.flight.hasRetransmissions) return;
  let packets = 0;
  let plan: PacketPlan | undefined;
  for (const transmission of core.flight) {
    const { retransmit } = transmission;
    if (retransmit === undefined) continue;
    const path = retransmissionPath(core, transmission);
    const chunk = dataChunk(transmission);
    const length = chunkLength(chunk);
    const reuse =
      plan !== undefined &&
      plan.route.remote === path.address &&
      plan.fits(length, core.parameters.packetSizeBytes);
    if (!reuse) {
      // The first packet of a fast retransmission ignores the window (section 7.2.4, rule 3).
      const free = core.fastRetransmitPending && packets === 0;
      if (!free && !hasRoom(core, path)) break;
      if (packets === core.parameters.maxBurst && retransmit !== "takeover") break;
      plan = new PacketPlan(core.routeTo(path));
      plans.push(plan);
      packets += 1;
    }
    assert(plan !== undefined, "a chunk goes into a packet");
    if (transmission.timed) core.paths.get(transmission.path ?? "")!.timing = false;
    transmission.timed = false;
    core.flight.markSent(transmission, path.address, nowMs);
    plan.add(chunk, transmission.sequence, packetReasons[retransmit]);
    startRetransmissionTimer(core, path, nowMs);
  }
  core.fastRetransmitPending = false;
}

function retransmissionPath(core: AssociationCore, transmission: Transmission): Path {
  const last = transmission.path === undefined ? undefined : core.paths.get(transmission.path);
  if (last === undefined || transmission.retransmit !== "t3")
    return pathForNewData(core.allPaths, core.primaryPath);
  return pathForRetransmission(core.allPaths, last);
}

const hasRoom = (core: AssociationCore, path: Path): boolean =>
  core.flight.bytesOn(path.address) < path.congestion.windowBytes;

function sendNewData(core: AssociationCore, plans: PacketPlan[], nowMs: number): void {
  const { send } = core.state;
  if (send.queue.length === 0 || core.flight.hasRetransmissions) return;
  const path = pathForNewData(core.allPaths, core.primaryPath);
  if (!path.confirmed) return;
  if (nowMs - path.lastDataSentAtMs > path.rto.rtoMs && core.flight.bytesOn(path.address) === 0) {
    decayAfterIdle(path.congestion, core.parameters.packetSizeBytes);
  }
  let packets = 0;
  let plan: PacketPlan | undefined = plans.find((each) => sameRoute(each.route, core.routeTo(path)));
  for (let message = send.queue[0]; message !== undefined; message = send.queue[0]) {
    if (!hasRoom(core, path)) break;
    const limit = core.parameters.packetSizeBytes;
    const wanted = message.payload.length - message.assignedBytes;
    const largest = (limit - commonHeaderBytes - dataHeaderBytes) & ~3;
    const length = Math.min(wanted, largest);
    // With nothing in flight one chunk may go out against a closed window (section 6.1, rule A).
    if (length > core.peerWindowBytes && core.flight.totalBytes > 0) break;
    if (plan === undefined || !plan.fits(dataHeaderBytes + ((length + 3) & ~3), limit)) {
      if (packets === core.parameters.maxBurst) break;
      plan = new PacketPlan(core.routeTo(path));
      plans.push(plan);
      packets += 1;
    }
    sendFragment(core, plan, path, length, nowMs);
  }
}

function sendFragment(
  core: AssociationCore,
  plan: PacketPlan,
  path: Path,
  lengthBytes: number,
  nowMs: number,
): void {
  const { send } = core.state;
  const tsn = send.nextTsn;
  const sequence = core.change({ kind: "tsnAssigned", tsn, lengthBytes });
  const chunk = send.outstanding.get(tsn);
  assert(chunk !== undefined, "an assigned TSN is outstanding");
  const transmission = core.flight.add(chunk, sequence);
  if (!path.timing) {
    path.timing = true;
    transmission.timed = true;
  }
  core.flight.markSent(transmission, path.address, nowMs);
  path.lastDataSentAtMs = nowMs;
  core.peerWindowBytes = Math.max(0, core.peerWindowBytes - lengthBytes);
  plan.add(dataChunk(transmission), sequence, "data");
  startRetransmissionTimer(core, path, nowMs);
}

function dataChunk(transmission: Transmission): DataChunk {
  return { type: "DATA", immediate: false, ...transmission.chunk };
}

function startRetransmissionTimer(core: AssociationCore, path: Path, nowMs: number): void {
  const timer = `t3 ${path.address}` as const;
  if (!core.deadlines.isSet(timer)) core.deadlines.set(timer, nowMs + path.rto.rtoMs);
}
