import type { AssociationPhase } from "../sctp/index.ts";

/** All phases of an association; the index is what goes over the link. */
export const phases: readonly AssociationPhase[] = [
  "cookie-echoed",
  "established",
  "shutdown-pending",
  "shutdown-sent",
  "shutdown-received",
  "shutdown-ack-sent",
  "closed",
];
