/** One association on two computers: replication, output commit, takeover. The front door of the room. */
export type { ActiveOptions, InstanceOutputs } from "./active.ts";
export { ActiveInstance } from "./active.ts";
export type { ClusterFrame } from "./frames.ts";
export { decodeFrame, encodeFrame } from "./frames.ts";
export type { InstanceRecord } from "./records.ts";
export { eventRecord } from "./records.ts";
export type { Detection, StandbyOptions } from "./standby.ts";
export { StandbyInstance } from "./standby.ts";
export { decodeUpdate } from "./update-codec.ts";
