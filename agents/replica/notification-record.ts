import type { Notification } from "../sctp/index.ts";
import type { InstanceRecord } from "./records.ts";
import { eventRecord } from "./records.ts";

interface Ports {
  readonly localPort: number;
  readonly peerPort: number;
}

/** The record of what an association tells its user; undefined where there is nothing to remember. */
export function notificationRecord(
  association: number,
  ports: Ports | undefined,
  notification: Notification,
  nowMs: number,
): InstanceRecord | undefined {
  switch (notification.type) {
    case "association-change": {
      const { state, reason } = notification;
      if (state === "comm-up") {
        const { localPort = 0, peerPort = 0 } = ports ?? {};
        const detail = { association, localPort, peerPort };
        return eventRecord("association-up", "the association is established", nowMs, detail);
      }
      if (state === "shutdown-complete")
        return eventRecord("association-closed", "the association was shut down", nowMs, { association });
      return eventRecord("association-lost", reason, nowMs, { association, state });
    }
    case "peer-address-change": {
      const { address, state } = notification;
      const name = state === "confirmed" ? "address-confirmed" : "path-state";
      return eventRecord(name, `path to ${address}: ${state}`, nowMs, { association, address, state });
    }
    case "remote-error":
      return eventRecord("note", `the peer reports: ${notification.causes.join(", ")}`, nowMs, {
        association,
      });
    case "local-address-change": {
      const { address, change, accepted } = notification;
      const what = { add: "add", delete: "forget", "set-primary": "send to" }[change];
      const text = `the peer was asked to ${what} our address ${address}, and ${accepted ? "does" : "does not"}`;
      return eventRecord("note", text, nowMs, { association, address });
    }
    case "recovery-step": {
      const { step, text, limitTsn } = notification;
      const limit = limitTsn === undefined ? {} : { limitTsn };
      return eventRecord("recovery-step", text, nowMs, { association, step, ...limit });
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
