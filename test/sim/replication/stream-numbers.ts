import type { AssociationState } from "../../../agents/sctp/index.ts";
import { outboundStream } from "../../../agents/sctp/tx/send-state.ts";
import { otherMember } from "./knobs.ts";
import type { Stage } from "./stage.ts";

const ssn = 65_530;

/**
 * Sets the next SSN of all streams near its wrap, everywhere, in an association on which nothing was sent yet;
 * false where it is not the instant for that.
 */
export function wrapStreams(stage: Stage): boolean {
  const { peer, primary, members, keeper, knobs } = stage;
  if (primary === undefined || peer.association === undefined) return false;
  const active = members[primary].process?.active;
  const handle = active?.association;
  if (active === undefined || handle === undefined) return false;
  const own = active.endpoint.state(handle);
  const outside = peer.endpoint.state(peer.association);
  const standby = members[otherMember(primary)].process?.standby;
  const holder = knobs.keeper === "store" ? keeper.process : standby;
  const held = holder?.held.state(handle);
  // A whole state that is under way would bring the old numbers back.
  const isMoving =
    members[primary].isFrozen || [...stage.links.values()].some(({ nextMs }) => nextMs < Infinity);
  if (isMoving) return false;
  if (own === undefined || outside === undefined || held === undefined) return false;
  // TSNs that were given up at a takeover are skipped with numbers of their own.
  if (own.send.outstanding.length > 0) return false;
  if (held.sequence !== own.sequence || own.send.nextTsn !== held.send.nextTsn) return false;
  for (const state of [own, outside, held]) renumber(state);
  return true;
}

function renumber(state: AssociationState): void {
  for (let streamId = 0; streamId < state.agreement.outboundStreams; streamId++)
    outboundStream(state.send, streamId).nextSsn = ssn;
  for (let stream = 0; stream < state.agreement.inboundStreams; stream++) state.receive.nextSsn[stream] = ssn;
}
