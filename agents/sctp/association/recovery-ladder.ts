import type { AssociationCore } from "./core.ts";
import { abort, userInitiated } from "./abort.ts";
import { giveUpUnknown } from "./give-up-unknown.ts";
import type { ResumeTerms } from "./resume-terms.ts";
import { mayReceiveData } from "./data-phases.ts";

/** Takes note of how far the state is behind what the peer saw, before anything is sent. */
export function beginRecovery(core: AssociationCore, { lag }: ResumeTerms): void {
  const { send, receive, phase } = core.state;
  const firstUnknownTsn = lag === undefined ? undefined : giveUpUnknown(core, lag.lease);
  if (lag !== undefined && mayReceiveData(phase) && !receive.behind) {
    core.change({ kind: "receiveBehind", behind: true });
  }
  const isUnfinished = receive.behind || [...send.outstanding].some(({ unknown }) => unknown !== undefined);
  if (lag === undefined && !isUnfinished) return;
  core.recovery = {
    startedAtMs: core.nowMs,
    firstUnknownTsn,
    probe: undefined,
    lowestTsn: undefined,
    repeated: [],
  };
}

/** What is unknown cannot be skipped by FORWARD TSN: goes on down the ladder. */
export function skipUnknownOtherwise(core: AssociationCore, why: string): void {
  core.notify({ type: "recovery-step", step: "abort", text: why });
  abort(core, core.routeTo(core.primaryPath), userInitiated(why));
}
