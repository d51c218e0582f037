/**
 * Replication policies. How an instance uses them:
 *
 * - `FlushTrigger` is told of every turn (`turn`), of time (`nextDeadlineMs`, `advance`), of the operator
 *   (`command`, `setPolicy`) and of a failure to come (`failureImpends`). Each answers a `Flush`: nothing, all
 *   updates that wait, or whole states. Where `keepsUpdates` is false no updates are to be kept for the holder.
 *   `clear` says that the holder lacks nothing (full synchronisation), or that there is none.
 * - `CommitGate` (one room up) is told of every update (`note`), of what the holder has (`acknowledge`,
 *   `leaseHeld`), and of the rule: `setRule({ excuses: trigger.excuses, solo })`, after every call that may
 *   have changed it. Where a switch of policy asks for whole states, the rule changes once these are held:
 *   until then the gate would hold everything.
 * - `parseReplication` and `describeReplication` are the text form that the operator sees.
 */
export type { CounterName, EventExpression, SignName } from "./event-expression.ts";
export type { Excuse } from "./excuse.ts";
export { excuseOf, isStructural } from "./excuse.ts";
export type { Flush, Lag, TurnNews } from "./flush-trigger.ts";
export { FlushTrigger } from "./flush-trigger.ts";
export type { ParsedReplication, Replication, ReplicationPolicy } from "./replication.ts";
export { describeReplication, parseReplication } from "./replication.ts";
