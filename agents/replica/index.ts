/** One association on two computers: replication, output commit, takeover. The front door of the room. */
export { ActiveInstance } from "./active.ts";
export type { ClusterFrame } from "./frames.ts";
export { decodeFrame, encodeFrame, linkVersion } from "./frames.ts";
export type { Held, HeldLimits } from "./held-states.ts";
export { HeldStates, stateBytes } from "./held-states.ts";
export type { KeeperOptions, KeeperOutputs, LinkId } from "./keeper.ts";
export { Keeper } from "./keeper.ts";
export type { BecamePrimary, MemberOutputs } from "./member.ts";
export { Member } from "./member.ts";
export type { Replication } from "./policy/index.ts";
export { parseReplication } from "./policy/index.ts";
export type { InstanceRecord } from "./records.ts";
export { deliveryRecord, eventRecord } from "./records.ts";
export { TakeoverRehearsal } from "./rehearsal.ts";
export type { ArrivedPacket, MemberOptions } from "./roles.ts";
export type { AddressedFrame, FencingMode, LinkName } from "./sending-right.ts";
export { StandbyInstance } from "./standby.ts";
export { decodeUpdate } from "./update-codec.ts";
