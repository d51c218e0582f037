import type { AgentRecord, MessageRecord, UpdateRecord } from "../control/records.ts";
import { readTestMessage } from "../application/index.ts";
import type { AssociationUpdate } from "../sctp/index.ts";
import type { ReplicatedUpdate } from "./frames.ts";

/** A record as an instance makes it: the bytes of an update are still bytes; the host writes them as text. */
export type InstanceRecord =
  | Exclude<AgentRecord, UpdateRecord>
  | (Omit<UpdateRecord, "bytes"> & { readonly bytes: Uint8Array });

/**
 * Whether this says what is lost. It is to be recorded before the frames of its turn leave: who goes on from what they
 * tell finds the loss settled, and does not report it again.
 */
export const isLossRecord = (record: InstanceRecord): boolean =>
  record.kind === "event" && (record.name === "loss-report" || record.name === "numbers-skipped");

export const epochMicros = (nowMs: number): number => Math.round(nowMs * 1000);

export function updateRecord(
  act: "made" | "held",
  update: ReplicatedUpdate,
  epoch: number,
  nowMs: number,
): InstanceRecord {
  const tsn = tsnOf(update.update);
  return {
    kind: "update",
    at: epochMicros(nowMs),
    association: update.association,
    act,
    sequence: update.sequence,
    epoch,
    change: update.update.kind,
    ...(tsn === undefined ? {} : { tsn }),
    bytes: update.bytes,
  };
}

function tsnOf(update: AssociationUpdate): number | undefined {
  switch (update.kind) {
    case "tsnAssigned":
    case "cumAcked":
      return update.tsn;
    case "dataReceived":
    case "dataDelivered":
      return update.chunk.tsn;
    case "dataDiscarded":
      return update.tsn;
    case "delivered":
      return update.tsns.at(-1);
    case "dataSkipped":
    case "tsnReset":
    case "resynchronised":
      return update.cumulativeTsn;
    default:
      return undefined;
  }
}

/** The record of a delivered test message; undefined for a payload that is none. */
export function deliveryRecord(
  association: number,
  payload: Uint8Array,
  sequence: number,
  nowMs: number,
): MessageRecord | undefined {
  const message = readTestMessage(payload);
  if (message === undefined) return undefined;
  const { flow, streamId, number, sizeBytes, intact } = message;
  return {
    kind: "message",
    at: epochMicros(nowMs),
    association,
    act: "delivered",
    flow,
    streamId,
    number,
    sizeBytes,
    intact,
    sequence,
  };
}

export function eventRecord(
  name: Extract<AgentRecord, { kind: "event" }>["name"],
  text: string,
  nowMs: number,
  detail: Readonly<Record<string, string | number | boolean>> = {},
): InstanceRecord {
  return { kind: "event", at: epochMicros(nowMs), name, text, detail };
}
