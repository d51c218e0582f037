import type { Tsn } from "../base/serial.ts";
import { tsnAdd, tsnLess, tsnLessOrEqual } from "../base/serial.ts";
import { reduceOnce } from "../path/congestion.ts";
import { pathForNewData, pmdcsBytes } from "../path/path.ts";
import type { CwrChunk, EcneChunk } from "../wire/index.ts";
import type { AssociationCore } from "./core.ts";
import type { Route } from "./outputs.ts";
import { isOfOtherNumbering } from "./reconfiguration-state.ts";

/** A packet with DATA from `lowestTsn` on was marked on its way. */
export function packetWasMarked(core: AssociationCore, lowestTsn: Tsn): void {
  const { agreement, receive } = core.state;
  if (!agreement.extensions.ecn || core.ecn.marked !== undefined) return;
  // From before a reset of TSNs: the peer knows it no more.
  if (isOfOtherNumbering(agreement.extensions, receive.cumulativeTsn, lowestTsn)) return;
  core.ecn = { ...core.ecn, marked: lowestTsn };
}

/** ECNE goes out in front of each SACK as long as CWR is missing. */
export function echoCongestion(core: AssociationCore, route: Route): void {
  const lowestTsn = core.ecn.marked;
  if (lowestTsn === undefined) return;
  core.control.push({ chunk: { type: "ECNE", lowestTsn }, route, reason: "sack", dependsOn: 0 });
}

export function receiveEcne(core: AssociationCore, chunk: EcneChunk, route: Route): void {
  const { send, agreement } = core.state;
  if (!agreement.extensions.ecn || !tsnLess(chunk.lowestTsn, send.nextTsn)) return;
  const { reducedUpTo } = core.ecn;
  if (reducedUpTo === undefined || tsnLess(reducedUpTo, chunk.lowestTsn)) {
    // After takeover or acknowledgement nobody knows any more which path carried it.
    const path = core.flight.get(chunk.lowestTsn)?.path ?? pathForNewData(core.allPaths, core.primaryPath);
    reduceOnce(path.congestion, pmdcsBytes(path));
    core.ecn = { ...core.ecn, reducedUpTo: tsnAdd(send.nextTsn, -1) };
  }
  const answer = { type: "CWR", lowestTsn: chunk.lowestTsn } as const;
  core.answer({ chunk: answer, route, reason: "sack", dependsOn: 0 });
}

export function receiveCwr(core: AssociationCore, chunk: CwrChunk): void {
  const { marked } = core.ecn;
  if (marked !== undefined && tsnLessOrEqual(marked, chunk.lowestTsn)) {
    core.ecn = { ...core.ecn, marked: undefined };
  }
}
