import type { FencingMode } from "../../../agents/control/index.ts";
import type { MemberName } from "../hosts.ts";
import type { Fault } from "./named.ts";

/** What is to come of a fault. */
export interface Outcome {
  /** Who serves afterwards; `either`: the keeper lets whoever asks first. */
  readonly server: MemberName | "either";
  /** Nobody may go on before the fault is healed. */
  readonly healsFirst: boolean;
}

/** Who goes on after a fault, by the fencing mode alone: a death that is sure needs no leave, silence does. */
export function outcomeOf(fault: Fault, fencing: FencingMode): Outcome {
  switch (fault.kind) {
    case "ended":
    case "planned":
      return { server: "b", healsFirst: false };
    case "path":
    case "keeper":
      return { server: "a", healsFirst: false };
    case "silent":
      return fencing === "keep-primary"
        ? { server: "a", healsFirst: true }
        : { server: "b", healsFirst: false };
    case "link":
      // With a keeper both ask it, and it hears a as before.
      return { server: fencing === "prefer-availability" ? "b" : "a", healsFirst: false };
    case "everything":
      return {
        server: fencing === "witness" ? "either" : fencing === "keep-primary" ? "a" : "b",
        healsFirst: true,
      };
  }
}
