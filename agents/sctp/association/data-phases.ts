import type { AssociationPhase } from "./state.ts";

/** Phases in which DATA may leave (RFC 9260 section 6). */
export const maySendData = (phase: AssociationPhase): boolean =>
  phase === "established" || phase === "shutdown-pending" || phase === "shutdown-received";

/** Phases in which DATA is taken in. */
export const mayReceiveData = (phase: AssociationPhase): boolean =>
  phase === "established" || phase === "shutdown-pending" || phase === "shutdown-sent";
