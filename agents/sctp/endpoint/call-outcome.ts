import type { Association } from "../association/association.ts";
import type { ProtocolParameters } from "../base/parameters.ts";
import type { Call } from "./call-table.ts";
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

/** What became of an ERROR that says that a cookie of ours was stale. */
export type StaleCookieOutcome = "retried" | "given-up" | "earlier-cookie";

/**
 * The peer found a cookie of ours stale: a new INIT asks for one that lives longer (section 5.2.6,
 * alternative 3), unless INIT was sent often enough or the ERROR is late and about a cookie before the
 * present one.
 */
export function cookieFoundStale(
  core: EndpointCore,
  association: Association,
  stalenessUs: number,
  nowMs: number,
): StaleCookieOutcome {
  const call = core.echoing.get(association.state.agreement.localTag);
  if (call === undefined) return "given-up";
  if (isAboutEarlierCookie(call, stalenessUs, nowMs)) return "earlier-cookie";
  if (call.attempts > call.parameters.maxInitRetransmits) return "given-up";
  call.unansweredEchoes += association.cookieRepeats;
  call.waiting.push(...association.withdraw(nowMs));
  call.sequence = association.state.sequence;
  call.userState = association.state.userState;
  core.collect(association);
  const mostMs = nowMs - call.cookieEchoedAtMs + mostBeyondRttMs;
  // Twice the staleness is enough, as long as the peer says how much it is.
  const wantedMs = stalenessUs === 0 ? mostMs : Math.max(1, Math.ceil((2 * stalenessUs) / 1000));
  call.cookieIncrementMs = Math.ceil(Math.min(wantedMs, mostMs));
  call.renewedAtMs = nowMs;
  core.calls.add(call);
  sendInit(core, call, nowMs);
  return "retried";
}

/**
 * An ERROR does not say which cookie it is about, and all attempts of a call have one tag. To drop a cookie
 * that the peer is about to accept would leave both sides with different tags of the peer for good. So as
 * many ERRORs are passed over as earlier COOKIE ECHOs may still be answered; if one of them was about the
 * present cookie after all, T1-cookie brings the next. And no cookie that was made since the last INIT can
 * have been stale for longer than that is ago, however often the network repeats an ERROR.
 */
function isAboutEarlierCookie(call: Call, stalenessUs: number, nowMs: number): boolean {
  if (call.renewedAtMs === undefined) return false;
  if (stalenessUs > (nowMs - call.renewedAtMs) * 1000) return true;
  if (call.unansweredEchoes === 0) return false;
  call.unansweredEchoes -= 1;
  return true;
}
