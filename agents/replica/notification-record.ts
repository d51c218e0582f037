import type { Notification } from "../sctp/index.ts";
import type { InstanceRecord } from "./records.ts";
import { eventRecord } from "./records.ts";

/** The record of what an association tells its user; undefined where there is nothing to remember. */
export function notificationRecord(
  association: number,
  notification: Notification,
  nowMs: number,
): InstanceRecord | undefined {
  switch (notification.type) {
    case "association-change": {
      const { state, reason } = notification;
      if (state === "comm-up") {
        return eventRecord("association-up", "the association is established", nowMs, { association });
      }
      if (state === "shutdown-complete")
        return eventRecord("association-closed", "the association was shut down", nowMs);
      return eventRecord("association-lost", reason, nowMs, { state });
    }
    case "peer-address-change": {
      const { address, state } = notification;
      const name = state === "confirmed" ? "address-confirmed" : "path-state";
      return eventRecord(name, `path to ${address}: ${state}`, nowMs, { address, state });
    }
    case "remote-error":
      return eventRecord("note", `the peer reports: ${notification.causes.join(", ")}`, nowMs);
    case "recovery-step": {
      const { step, text } = notification;
      return eventRecord("recovery-step", text, nowMs, { association, step });
    }
    case "loss-report": {
      const { direction, firstTsn, lastTsn, messagesAtMost } = notification;
      const what =
        direction === "inbound" ? "were acknowledged and are lost" : "may have been sent and are given up";
      const text = `TSNs ${firstTsn} to ${lastTsn} (${direction}) ${what}: ${messagesAtMost} messages at most`;
      const detail = { association, direction, firstTsn, lastTsn, messagesAtMost };
      return eventRecord("loss-report", text, nowMs, detail);
    }
    default:
      return undefined;
  }
}
