/** Verdicts: pure functions of a recorded history. */
export { associationsOf } from "./associations.ts";
export type { BorrowedAddress } from "./borrowed-addresses.ts";
export { borrowedAddresses, hasBorrowed } from "./borrowed-addresses.ts";
export { fromOutside, hostsAcross, withOwnBooks } from "./ends.ts";
export { judge } from "./judge.ts";
export { failoverInstants } from "./failover.ts";
export type { FailoverInstants } from "./failover.ts";
export { promiseOf } from "./policy.ts";
export { successionOf } from "./tenures.ts";
export type { Tenure } from "./tenures.ts";
export { AckTimeline } from "./books.ts";
export { joinTransmissions } from "./transmissions.ts";
export type { JoinedTransmission } from "./transmissions.ts";
export { clockSlackMicros } from "./scene.ts";
