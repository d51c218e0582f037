import type { Cause } from "../wire/index.ts";
import type { AssociationCore } from "./core.ts";
import type { Route } from "./outputs.ts";
import { reportUnsent } from "./partial-reliability.ts";

/** Sends ABORT and ends the association (RFC 9260 section 9.1). */
export function abort(core: AssociationCore, route: Route, cause: Cause): void {
  if (core.state.phase === "closed") return;
  close(core);
  core.control.push({
    chunk: { type: "ABORT", tagReflected: false, causes: [cause] },
    route,
    reason: "abort",
    dependsOn: core.phaseSequence,
  });
  const reason = `we aborted: ${cause.type}`;
  core.notify({ type: "association-change", state: "comm-lost", reason, cause: "aborted-by-us" });
}

/** Ends the association on our side: nothing runs and nothing waits any more. */
export function close(core: AssociationCore): void {
  core.enterPhase("closed");
  core.deadlines.clearAll();
  core.control.length = 0;
  reportUnsent(core);
}

/** Ends the association without a word to the peer, because it does not answer (section 8.1). */
export function giveUp(core: AssociationCore, reason: string): void {
  if (core.state.phase === "closed") return;
  const state = core.state.phase === "cookie-echoed" ? "cant-start" : "comm-lost";
  close(core);
  core.notify({ type: "association-change", state, reason, cause: "timeout" });
}

/** A reason as the ASCII bytes of an error cause, cut to what fits easily into a packet. */
export const reasonText = (text: string): Uint8Array =>
  Uint8Array.from(text.slice(0, 200), (letter) => letter.charCodeAt(0) & 0x7f);

/** The cause of an ABORT that the user wants (section 3.3.10.12). */
export const userInitiated = (reason: string): Cause => ({
  type: "USER_INITIATED_ABORT",
  code: 12,
  value: reasonText(reason),
});
