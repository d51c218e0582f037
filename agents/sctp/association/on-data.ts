import { assert } from "../base/assert.ts";
import { ssnDistance, tsnDistance } from "../base/serial.ts";
import { chunksOf, joinPayload } from "../rx/reassembly.ts";
import type { CompleteMessage } from "../rx/reassembly.ts";
import type { ReceivedChunk } from "../rx/receive-state.ts";
import { gapBlocks, hasReceived } from "../rx/receive-state.ts";
import type { DataChunk, SackChunk } from "../wire/index.ts";
import { abort, reasonText } from "./abort.ts";
import type { AssociationCore } from "./core.ts";
import type { Route } from "./outputs.ts";

/** TSNs that are remembered above the cumulative one: bounds the work for each SACK as well. */
const maxTsnsAhead = 4096;
/** What a chunk costs beside its payload: a peer must not fill the memory with chunks of one byte. */
const chunkOverheadBytes = 64;

const bufferUse = (core: AssociationCore): number => {
  const { bufferedBytes, buffered } = core.state.receive;
  return bufferedBytes + chunkOverheadBytes * buffered.size;
};

/** The advertised receiver window (RFC 9260 section 6.2). */
const advertisedWindow = (core: AssociationCore): number =>
  Math.max(0, core.parameters.receiveBufferBytes - bufferUse(core));

/** Takes in one DATA chunk; answers whether it asks for an immediate SACK (sections 6.2 and 6.7). */
export function receiveData(core: AssociationCore, data: DataChunk, route: Route): boolean {
  const { receive } = core.state;
  core.replyRoute = route;
  if (data.payload.length === 0) {
    abort(core, route, { type: "NO_USER_DATA", code: 9, tsn: data.tsn });
    return false;
  }
  if (hasReceived(receive, data.tsn)) {
    core.sack.duplicateReceived(data.tsn);
    return true;
  }
  const ahead = tsnDistance(receive.cumulativeTsn, data.tsn);
  const fillsGap = ahead === 1;
  if (ahead > maxTsnsAhead || (!fillsGap && data.payload.length > advertisedWindow(core))) return true;
  if (overfills(core, data)) {
    abort(core, route, { type: "OUT_OF_RESOURCE", code: 4 });
    return false;
  }
  const hadGap = receive.above.size > 0;
  if (data.streamId >= core.state.agreement.inboundStreams) {
    discardForUnknownStream(core, data, route);
    return true;
  }
  const chunk: ReceivedChunk = {
    tsn: data.tsn,
    streamId: data.streamId,
    ssn: data.ssn,
    ppid: data.ppid,
    unordered: data.unordered,
    beginning: data.beginning,
    ending: data.ending,
    payload: data.payload.slice(),
  };
  const fault = faultOf(core, chunk, fillsGap);
  if (fault !== undefined) {
    violate(core, route, fault);
    return false;
  }
  core.receivedSequence = core.change({ kind: "dataReceived", chunk });
  deliverWhatIsComplete(core, chunk);
  return data.immediate || hadGap || receive.above.size > 0 || windowReopened(core);
}

/**
 * A chunk that is next in sequence is taken in even against a closed window, because it may free the
 * buffer. Where nothing is missing before it and the buffer is full all the same, no further chunk can
 * free anything; and a peer that goes on against the window gets no second buffer.
 */
function overfills(core: AssociationCore, data: DataChunk): boolean {
  const { receiveBufferBytes } = core.parameters;
  const full = advertisedWindow(core) === 0 && core.state.receive.above.size === 0 && !data.ending;
  return full || bufferUse(core) + data.payload.length > 2 * receiveBufferBytes;
}

/** What is wrong with the order of a chunk in its stream or beside its neighbours, if anything. */
function faultOf(core: AssociationCore, chunk: ReceivedChunk, inSequence: boolean): string | undefined {
  if (!core.reassembly.fits(chunk)) return "DATA breaks off a message or goes on with none";
  const expected = core.state.receive.nextSsn[chunk.streamId];
  if (chunk.unordered || expected === undefined) return undefined;
  const ahead = ssnDistance(expected, chunk.ssn);
  if (ahead < 0) return "DATA repeats a stream sequence number that was delivered";
  // Everything before it was received, so nothing can come any more that would fill the hole.
  if (inSequence && ahead > 0) return "DATA skips a stream sequence number";
  return undefined;
}

/** The peer may be waiting for room that there is again: a SACK must not be delayed (section 6.2). */
const windowReopened = (core: AssociationCore): boolean =>
  core.advertisedBytes < 2 * core.parameters.packetSizeBytes &&
  advertisedWindow(core) >= 2 * core.parameters.packetSizeBytes;

function deliverWhatIsComplete(core: AssociationCore, chunk: ReceivedChunk): void {
  let message = core.reassembly.arrived(chunk);
  while (message !== undefined) {
    deliver(core, message);
    message = chunk.unordered ? undefined : core.reassembly.nextOrdered(chunk.streamId);
  }
}

/** Delivers what another instance had received whole and not delivered. */
export function deliverWhatWasLeft(core: AssociationCore): void {
  for (let message = core.reassembly.anyComplete(); message; message = core.reassembly.anyComplete()) {
    deliver(core, message);
  }
}

function deliver(core: AssociationCore, message: CompleteMessage): void {
  const chunks = chunksOf(core.state.receive, message);
  core.reassembly.forget(message);
  const first = chunks[0];
  assert(first !== undefined, "a message has a chunk");
  const sequence = core.change({ kind: "delivered", ...message });
  core.outputs.deliveries.push({
    association: core.handle,
    streamId: first.streamId,
    ssn: first.ssn,
    ppid: first.ppid,
    unordered: first.unordered,
    payload: joinPayload(chunks),
    sequence,
  });
}

/** Section 6.5: it is acknowledged, reported and thrown away. */
function discardForUnknownStream(core: AssociationCore, data: DataChunk, route: Route): void {
  const chunk: ReceivedChunk = {
    tsn: data.tsn,
    streamId: data.streamId,
    ssn: data.ssn,
    ppid: data.ppid,
    unordered: true,
    beginning: true,
    ending: true,
    payload: new Uint8Array(0),
  };
  core.receivedSequence = core.change({ kind: "dataReceived", chunk });
  core.change({ kind: "delivered", firstTsn: data.tsn, lastTsn: data.tsn });
  const cause = { type: "INVALID_STREAM_IDENTIFIER", code: 1, streamId: data.streamId } as const;
  core.answer({ chunk: { type: "ERROR", causes: [cause] }, route, reason: "error", dependsOn: 0 });
}

/** Ends the association because the peer broke a rule (section 3.3.10.13). */
export function violate(core: AssociationCore, route: Route, text: string): void {
  abort(core, route, { type: "PROTOCOL_VIOLATION", code: 13, value: reasonText(text) });
}

/** After all DATA of a packet: a SACK is due at once or after the delay (section 6.2). */
export function packetWithDataDone(core: AssociationCore, atOnce: boolean, nowMs: number): void {
  core.sack.packetReceived(atOnce);
  if (!core.sack.isDue && !core.deadlines.isSet("sack")) {
    core.deadlines.set("sack", nowMs + core.parameters.sackDelayMs);
  }
}

/** Makes the SACK for the present state and stops the delay timer. */
export function makeSack(core: AssociationCore): SackChunk {
  const { receive } = core.state;
  core.deadlines.clear("sack");
  // The common header and the fixed part of SACK take 28 bytes; a block takes 4.
  const room = Math.floor((core.parameters.packetSizeBytes - 28) / 4);
  const duplicates = core.sack.take().slice(0, room);
  core.advertisedBytes = advertisedWindow(core);
  return {
    type: "SACK",
    cumulativeTsn: receive.cumulativeTsn,
    advertisedWindow: core.advertisedBytes,
    gaps: gapBlocks(receive, room - duplicates.length),
    duplicates,
  };
}
