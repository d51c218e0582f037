import type { Association } from "../association/association.ts";
import type { ProtocolParameters } from "../base/parameters.ts";
import { sendInit } from "./call.ts";
import type { EndpointCore } from "./core.ts";

/** What a call left to be done once its association is established; nothing happens before that. */
export function callEnded(core: EndpointCore, association: Association, nowMs: number): void {
  const { localTag } = association.state.agreement;
  const call = core.echoing.get(localTag);
  if (call === undefined || association.phase === "cookie-echoed") return;
  core.echoing.delete(localTag);
  if (association.phase === "closed") return;
  introduce(core, association, call.adaptation, call.parameters);
  if (call.shutdownWanted) association.shutdown(nowMs);
}

/** What the user hears of a peer after comm-up. */
export function introduce(
  core: EndpointCore,
  association: Association,
  indication: number | undefined,
  { extensions }: ProtocolParameters,
): void {
  const { localTag, extensions: agreed } = association.state.agreement;
  if (indication !== undefined) core.notify(localTag, { type: "adaptation-indication", indication });
  if (extensions.authentication && !agreed.authentication)
    core.notify(localTag, { type: "authentication", event: "no-authentication", keyId: 0 });
}

/** RFC 9260 section 5.2.6: no more than this is asked for beyond the time that the way takes. */
const mostBeyondRttMs = 1000;

/**
 * The peer found our cookie stale: a new INIT asks for one that lives longer (section 5.2.6, alternative 3).
 * Answers whether it was tried; false where INIT was sent often enough.
 */
export function retryStaleCookie(
  core: EndpointCore,
  association: Association,
  stalenessUs: number,
  nowMs: number,
): boolean {
  const { localTag } = association.state.agreement;
  const call = core.echoing.get(localTag);
  if (call === undefined || call.attempts > call.parameters.maxInitRetransmits) return false;
  call.waiting.push(...association.withdraw(nowMs));
  call.sequence = association.state.sequence;
  call.userState = association.state.userState;
  core.collect(association);
  const mostMs = nowMs - call.cookieEchoedAtMs + mostBeyondRttMs;
  // Twice the staleness is enough, as long as the peer says how much it is.
  const wantedMs = stalenessUs === 0 ? mostMs : Math.max(1, Math.ceil((2 * stalenessUs) / 1000));
  call.cookieIncrementMs = Math.ceil(Math.min(wantedMs, mostMs));
  core.calls.add(call);
  sendInit(core, call, nowMs);
  return true;
}
