import { unreachable } from "../base/assert.ts";
import type { Tsn } from "../base/serial.ts";
import type { ReceiveState, ReceivedChunk } from "./receive-state.ts";
import { takeIn, takeOut } from "./receive-state.ts";

/** One change of the receiving half of the association state. */
export type ReceiveUpdate =
  | { readonly kind: "dataReceived"; readonly chunk: ReceivedChunk }
  | { readonly kind: "delivered"; readonly firstTsn: Tsn; readonly lastTsn: Tsn };

/** The receiving half of the reducer. */
export function applyReceiveUpdate(state: ReceiveState, update: ReceiveUpdate): void {
  switch (update.kind) {
    case "dataReceived":
      takeIn(state, update.chunk);
      break;
    case "delivered":
      takeOut(state, update.firstTsn, update.lastTsn);
      break;
    default:
      unreachable(update);
  }
}
