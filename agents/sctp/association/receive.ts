import type { Chunk, DataChunk, ForwardTsnChunk, IDataChunk, IForwardTsnChunk } from "../wire/index.ts";
import { adoptReceived } from "./adopt-flow.ts";
import type { AssociationCore } from "./core.ts";
import { deliverWhatIsReady, isUncertain } from "./deliver.ts";
import { packetWasMarked } from "./ecn.ts";
import { packetWithDataDone, receiveData } from "./on-data.ts";
import { knowsForwardTsn, receiveForwardTsn } from "./on-forward-tsn.ts";
import { finishDeferredReset } from "./on-reconfiguration.ts";
import { receiveSack } from "./on-sack.ts";
import type { Route } from "./outputs.ts";
import { receiveControl } from "./receive-control.ts";
import { noticeSettled } from "./resynchronise.ts";
import { mayReceiveData } from "./data-phases.ts";
import { dataWhileShuttingDown } from "./shutdown.ts";
import { flush } from "./transmit.ts";

/** FORWARD TSNs of a packet that are processed: the last one says everything, so nobody needs more. */
const maxForwardTsns = 8;

/** Chunks of one packet whose tag and checksum were found good, in their order. */
export function receivePacket(
  core: AssociationCore,
  chunks: readonly Chunk[],
  route: Route,
  nowMs: number,
  congestionExperienced: boolean = false,
): void {
  let withData = false;
  let sackAtOnce = false;
  let withSack = false;
  let forwardTsns = 0;
  const cumulativeBefore = core.state.receive.cumulativeTsn;
  // Section 6.2: at least every second packet with DATA is acknowledged, however many come before a flush.
  if (core.sack.isDue && chunks.some(isData)) flush(core);
  core.nowMs = nowMs;
  core.startPacket();
  core.grantBurst();
  heardFrom(core, chunks, route);
  for (const chunk of chunks) {
    if (core.state.phase === "closed") break;
    if (isData(chunk)) {
      if (!mayReceiveData(core.state.phase)) continue;
      withData = true;
      sackAtOnce = receiveData(core, chunk, route) || sackAtOnce;
    } else if (isForwardTsn(chunk) && knowsForwardTsn(core, chunk)) {
      if (forwardTsns === maxForwardTsns || !mayReceiveData(core.state.phase)) continue;
      forwardTsns += 1;
      sackAtOnce = receiveForwardTsn(core, chunk, route) || sackAtOnce;
    } else if (chunk.type === "SACK") {
      // One says everything; to process hundreds in a packet would only cost time.
      if (!withSack && core.state.phase !== "cookie-echoed") receiveSack(core, chunk, route, nowMs);
      withSack = true;
    } else if (!receiveControl(core, chunk, route, nowMs)) break;
  }
  if (congestionExperienced) {
    const first = chunks.find(isData);
    if (first !== undefined) packetWasMarked(core, first.tsn);
  }
  if ((withData || forwardTsns > 0) && core.state.phase !== "closed") {
    // Who sends FORWARD TSN alone waits for nothing but the SACK, which rule C3 of RFC 3758 is about.
    const atOnce = sackAtOnce || !withData || core.state.phase === "shutdown-sent";
    adoptReceived(core);
    // What was thrown away may have been all that kept it waiting.
    if (isUncertain(core)) deliverWhatIsReady(core);
    noticeSettled(core, cumulativeBefore);
    packetWithDataDone(core, atOnce, nowMs);
    dataWhileShuttingDown(core, nowMs);
    finishDeferredReset(core, core.sackRoute);
  }
}

const isData = (chunk: Chunk): chunk is DataChunk | IDataChunk =>
  chunk.type === "DATA" || chunk.type === "I_DATA";

const isForwardTsn = (chunk: Chunk): chunk is ForwardTsnChunk | IForwardTsnChunk =>
  chunk.type === "FORWARD_TSN" || chunk.type === "I_FORWARD_TSN";

/** Also the probes for the path MTU, of which PAD makes up the size (RFC 8899). */
const isProbe = ({ type }: Chunk): boolean =>
  type === "HEARTBEAT" || type === "HEARTBEAT_ACK" || type === "PAD";

/** HEARTBEATs go everywhere; anything else shows which of our addresses the peer uses. */
function heardFrom(core: AssociationCore, chunks: readonly Chunk[], route: Route): void {
  const path = core.paths.get(route.remote);
  // An ASCONF may come from an address that it adds.
  if (path === undefined) return;
  const probe = chunks.every(isProbe);
  const moved = path.heardAt !== route.local;
  if (moved && !probe && core.mayLeaveFrom(route.local)) core.sendFrom(path, route.local);
  const port = route.remotePort;
  if (port === undefined || port === path.remotePort) return;
  path.remotePort = port;
  core.change({ kind: "encapsulationPortLearned", address: path.address, port });
}
