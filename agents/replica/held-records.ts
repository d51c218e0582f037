import type { AssociationState } from "../sctp/index.ts";
import { deliveredPayload } from "../sctp/index.ts";
import type { ReplicatedUpdate } from "./frames.ts";
import type { InstanceRecord } from "./records.ts";
import { deliveryRecord, updateRecord } from "./records.ts";

/**
 * What the record says of an update that is about to be applied to a held `state`: a test message that it
 * delivers (the primary may have died before it wrote that down), and the update itself.
 */
export function heldRecords(
  each: ReplicatedUpdate,
  state: AssociationState | undefined,
  epoch: number,
  nowMs: number,
): InstanceRecord[] {
  const { association, update, sequence } = each;
  const held = updateRecord("held", each, epoch, nowMs);
  if (state === undefined || (update.kind !== "delivered" && update.kind !== "dataDelivered")) return [held];
  const delivered = deliveryRecord(association, deliveredPayload(state, update), sequence, nowMs);
  return delivered === undefined ? [held] : [delivered, held];
}
