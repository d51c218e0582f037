import { assert } from "../base/assert.ts";
import { ssnDistance, tsnDistance, tsnLessOrEqual, tsnNext } from "../base/serial.ts";
import { joinPayload } from "../rx/reassembly.ts";
import type { CompleteMessage } from "../rx/reassembly.ts";
import type { ReceivedChunk } from "../rx/receive-state.ts";
import { gapBlocks, hasReceived } from "../rx/receive-state.ts";
import type { DataChunk, SackChunk } from "../wire/index.ts";
import { abort, reasonText } from "./abort.ts";
import type { AssociationCore, Route } from "./core.ts";

/** A gap block is an offset of 16 bits: nothing beyond it could be reported (RFC 9260 section 3.3.4). */
const maxTsnsAhead = 0xffff;

/** The advertised receiver window (section 6.2). */
const advertisedWindow = (core: AssociationCore): number =>
  Math.max(0, core.parameters.receiveBufferBytes - core.state.receive.bufferedBytes);

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
  const hadGap = receive.above.size > 0;
  if (data.streamId >= core.state.agreement.inboundStreams) {
    discardForUnknownStream(core, data, route);
    return true;
  }
  const expected = receive.nextSsn[data.streamId];
  if (!data.unordered && expected !== undefined && ssnDistance(expected, data.ssn) < 0) {
    violate(core, route, "DATA repeats a stream sequence number that was delivered");
    return false;
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
  core.receivedSequence = core.change({ kind: "dataReceived", chunk });
  deliverWhatIsComplete(core, chunk);
  return data.immediate || hadGap || receive.above.size > 0;
}

function deliverWhatIsComplete(core: AssociationCore, chunk: ReceivedChunk): void {
  let message = core.reassembly.arrived(chunk);
  while (message !== undefined) {
    deliver(core, message);
    message = chunk.unordered ? undefined : core.reassembly.nextOrdered(chunk.streamId);
  }
}

function deliver(core: AssociationCore, message: CompleteMessage): void {
  const { buffered } = core.state.receive;
  const chunks: ReceivedChunk[] = [];
  for (let tsn = message.firstTsn; tsnLessOrEqual(tsn, message.lastTsn); tsn = tsnNext(tsn)) {
    const chunk = buffered.get(tsn);
    assert(chunk !== undefined, "a complete message has all its chunks");
    chunks.push(chunk);
  }
  const first = chunks[0];
  assert(first !== undefined, "a message has a chunk");
  const sequence = core.change({ kind: "delivered", ...message });
  core.outputs.deliveries.push({
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
  core.control.push({ chunk: { type: "ERROR", causes: [cause] }, route, reason: "error", dependsOn: 0 });
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
  return {
    type: "SACK",
    cumulativeTsn: receive.cumulativeTsn,
    advertisedWindow: advertisedWindow(core),
    gaps: gapBlocks(receive, room - duplicates.length),
    duplicates,
  };
}
