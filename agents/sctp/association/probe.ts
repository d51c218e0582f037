import { ssn, tsnAdd, tsnLess } from "../base/serial.ts";
import type { Tsn } from "../base/serial.ts";
import { pathForNewData, pathForRetransmission } from "../path/path.ts";
import type { Path } from "../path/path.ts";
import type { DataChunk, IDataChunk } from "../wire/index.ts";
import type { AssociationCore } from "./core.ts";
import { reportRanges } from "./loss-report.ts";
import { skipUnknownOtherwise } from "./recovery-ladder.ts";
import { maySendData } from "./data-phases.ts";
import { countPathError } from "./time-outs.ts";

/*
 * Who goes on from an older state does not know what the peer has. A chunk with a TSN that the peer acknowledged long
 * ago is a duplicate to it, of whatever content, and is answered by a SACK at once (RFC 9260 section 6.2). Nothing
 * else is sent before that has come: then known data is repeated, and FORWARD TSN sent, for what is missing only.
 */

/**
 * So far below what the peer has acknowledged: it may be a cluster whose second computer, too, goes on from an older
 * state, and to that one the last TSNs are new.
 */
const belowAckedTsns = 65_536;

/** Begins to ask the peer for a SACK, where it may be sent data. */
export function startProbe(core: AssociationCore): void {
  if (core.recovery === undefined || !maySendData(core.state.phase)) return;
  const text = `the peer is asked for a SACK by TSN ${probeTsn(core)}, which it has`;
  core.notify({ type: "recovery-step", step: "probe", text });
  sendProbe(core, pathForNewData(core.allPaths, core.primaryPath), 1);
}

const probeTsn = ({ state }: AssociationCore): Tsn => tsnAdd(state.send.cumulativeAck, -belowAckedTsns);

/** Nothing new is sent while this is so. */
export const isProbing = (core: AssociationCore): boolean => core.recovery?.probe !== undefined;

function sendProbe(core: AssociationCore, path: Path, tries: number): void {
  if (core.recovery === undefined) return;
  const probe = { tsn: probeTsn(core), tries, sentTo: path.address, due: true };
  core.recovery = { ...core.recovery, probe };
  core.deadlines.set("probe", core.nowMs + path.rto.rtoMs);
}

/** Call after all other chunks that leave now: DATA is the last one in its packet (RFC 9260 section 6.10). */
export function prepareProbe(core: AssociationCore): void {
  const { recovery } = core;
  const probe = recovery?.probe;
  if (recovery === undefined || probe?.due !== true || !maySendData(core.state.phase)) return;
  core.recovery = { ...recovery, probe: { ...probe, due: false } };
  core.control.push({
    chunk: duplicateOf(core, probe.tsn),
    route: core.routeTo(core.paths.get(probe.sentTo) ?? core.primaryPath),
    reason: "takeover-retransmission",
    dependsOn: 0,
  });
}

/** A byte that the peer throws away because of its TSN; unordered, so that nobody looks at an SSN. */
function duplicateOf(core: AssociationCore, tsn: Tsn): DataChunk | IDataChunk {
  const common = {
    tsn,
    streamId: 0,
    ppid: 0,
    unordered: true,
    beginning: true,
    ending: true,
    immediate: true,
    payload: Uint8Array.of(0),
  };
  if (core.state.send.interleaving) return { type: "I_DATA", ...common, messageId: 0, fsn: 0 };
  return { type: "DATA", ...common, ssn: ssn(0) };
}

/** The peer did not answer: once more, if possible on another path, as long as its silence is bearable. */
export function probeTimedOut(core: AssociationCore, nowMs: number): void {
  const probe = core.recovery?.probe;
  if (probe === undefined) return;
  const last = core.paths.get(probe.sentTo) ?? core.primaryPath;
  countPathError(core, last, nowMs);
  if (core.state.phase === "closed") return;
  if (!maySendData(core.state.phase)) endProbe(core);
  else if (probe.tries > core.parameters.associationMaxRetrans) {
    endProbe(core);
    goOn(core);
  } else sendProbe(core, pathForRetransmission(core.allPaths, last), probe.tries + 1);
}

function endProbe(core: AssociationCore): void {
  if (core.recovery === undefined) return;
  core.deadlines.clear("probe");
  core.recovery = { ...core.recovery, probe: undefined };
}

/** Whether a SACK lists the probe as a duplicate: whatever else it says, it came after it. */
export const listsProbe = ({ recovery }: AssociationCore, duplicates: readonly Tsn[]): boolean =>
  recovery?.probe !== undefined && duplicates.includes(recovery.probe.tsn);

/**
 * A SACK, or SHUTDOWN, was processed. It answers the probe when it says so: another one may have been on its way for
 * long. A peer that reports no duplicates is believed the second time.
 */
export function noticeProbeAnswer(core: AssociationCore, duplicates: readonly Tsn[]): void {
  const probe = core.recovery?.probe;
  if (probe === undefined || (!listsProbe(core, duplicates) && probe.tries < 2)) return;
  endProbe(core);
  core.errorCount = 0;
  goOn(core);
}

/** Known data is sent again, and what is unknown is skipped. */
function goOn(core: AssociationCore): void {
  core.ensureBurst();
  const given = [...core.flight].filter(({ chunk }) => chunk.abandoned);
  if (given.length === 0) return;
  if (!core.state.agreement.extensions.partialReliability) {
    skipUnknownOtherwise(core, "the peer does not know FORWARD TSN");
    return;
  }
  const { cumulativeAck } = core.state.send;
  const from = core.recovery?.firstUnknownTsn ?? cumulativeAck;
  const lost = given.filter(({ chunk, gapAcked }) => !gapAcked && !tsnLess(chunk.tsn, from));
  reportRanges(
    core,
    "outbound",
    cumulativeAck,
    lost.map(({ chunk }) => ({ first: chunk.tsn, last: chunk.tsn })),
  );
  const text = "the peer is moved by FORWARD TSN over TSNs that nobody can send again";
  core.notify({ type: "recovery-step", step: "forward-tsn", text });
}
