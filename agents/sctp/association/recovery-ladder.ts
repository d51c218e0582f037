import type { AssociationCore } from "./core.ts";
import { abort, userInitiated } from "./abort.ts";
import { giveUpUnknown, isTooLarge } from "./give-up-unknown.ts";
import { reportRanges } from "./loss-report.ts";
import { reportFailed } from "./partial-reliability.ts";
import { pauseForReset, wantReconfiguration } from "./reconfiguration.ts";
import type { ResumeTerms } from "./resume-terms.ts";
import { noMoreComes } from "./resynchronise.ts";
import { tsnAdd, tsnNext } from "../base/serial.ts";
import type { OutstandingChunk } from "../tx/send-state.ts";
import { mayReceiveData } from "./data-phases.ts";

/*
 * How TSNs that nobody can send again are got rid of, in this order: FORWARD TSN (`probe.ts`); where the peer does not
 * know that, a reset of all TSNs and SSNs (RFC 6525 section 4.3); a restart of the association (RFC 9260 section 5.2);
 * and ABORT, where even that is too late because the association is about to end.
 */

/** Takes note of how far the state is behind what the peer saw, before anything is sent. */
export function beginRecovery(core: AssociationCore, { lag }: ResumeTerms): void {
  const { send, receive, phase, agreement } = core.state;
  if (lag !== undefined && mayReceiveData(phase) && !receive.behind) {
    core.change({ kind: "receiveBehind", behind: true });
  }
  if (isTooLarge(core, lag?.lease)) {
    endOrRestart(core, "the lease is larger than any gap that a peer takes");
    return;
  }
  // What an instance before us gave up, and may not have reported any more, is reported with the rest.
  const isFirst = ![...send.outstanding].some(({ unknown }) => unknown !== undefined);
  const firstGivenUp = lag === undefined ? undefined : giveUpUnknown(core, lag.lease);
  const isStuck = ({ unknown, abandoned }: OutstandingChunk): boolean =>
    unknown !== undefined || (abandoned && !agreement.extensions.partialReliability);
  const isUnfinished = receive.behind || [...send.outstanding].some(isStuck);
  if (lag === undefined && !isUnfinished) return;
  core.recovery = {
    startedAtMs: core.nowMs,
    firstUnknownTsn: isFirst ? firstGivenUp : undefined,
    probe: undefined,
    resetFromTsn: undefined,
    lowestTsn: undefined,
    repeated: [],
  };
}

/** What is unknown cannot be skipped by FORWARD TSN: goes on down the ladder. */
export function skipUnknownOtherwise(core: AssociationCore, why: string): void {
  const { phase, agreement } = core.state;
  if (phase === "established" && agreement.extensions.streamReconfiguration) resetNumbers(core, why);
  else endOrRestart(core, why);
}

function endOrRestart(core: AssociationCore, why: string): void {
  if (core.state.phase === "established") {
    restart(core, why);
    return;
  }
  core.notify({ type: "recovery-step", step: "abort", text: why });
  abort(core, core.routeTo(core.primaryPath), userInitiated(why));
}

/** Asks for new TSNs and SSNs. What is outstanding cannot be sent any more then: with all other numbers it might come twice. */
function resetNumbers(core: AssociationCore, why: string): void {
  if (core.recovery === undefined) return;
  giveUpOutstanding(core);
  core.recovery = { ...core.recovery, resetFromTsn: core.state.send.nextTsn };
  const text = `${why}: it is asked to begin with new TSNs and SSNs`;
  core.notify({ type: "recovery-step", step: "stream-reset", text });
  pauseForReset(core);
  // Another instance may have asked already.
  if (!isResetting(core)) wantReconfiguration(core, { kind: "ssn-tsn-reset" });
}

function isResetting({ state }: AssociationCore): boolean {
  const { inFlight, wanted } = state.reconfiguration;
  return [...wanted, ...(inFlight === undefined ? [] : [inFlight.request])].some(
    ({ kind }) => kind === "ssn-tsn-reset",
  );
}

/** The reset that was asked for was done or refused. */
export function noticeReset(core: AssociationCore): void {
  const { recovery } = core;
  const from = recovery?.resetFromTsn;
  if (recovery === undefined || from === undefined || core.state.phase === "closed") return;
  if (isResetting(core)) return;
  core.recovery = { ...recovery, resetFromTsn: undefined };
  if (core.state.send.nextTsn === from) restart(core, "the peer does not reset its numbers");
}

/** The endpoint calls the peer again, who then sees a restart. */
function restart(core: AssociationCore, why: string): void {
  giveUpOutstanding(core);
  noMoreComes(core);
  core.notify({ type: "recovery-step", step: "restart", text: why });
  core.restartWanted = why;
}

/** Gives up all that has a TSN. The peer throws away what it has got out of sequence, so that is lost too. */
function giveUpOutstanding(core: AssociationCore): void {
  const { send } = core.state;
  if (send.outstanding.length === 0) return;
  const left = [...send.outstanding].filter(({ abandoned }) => !abandoned);
  for (const chunk of left) reportFailed(core, chunk, true, "takeover");
  const last = tsnAdd(send.nextTsn, -1);
  reportRanges(core, "outbound", send.cumulativeAck, [{ first: tsnNext(send.cumulativeAck), last }]);
  if (left.length > 0) core.change({ kind: "abandoned", tsns: left.map(({ tsn }) => tsn) });
  for (const transmission of core.flight) core.flight.markAbandoned(transmission);
}
