/** What a run does to a lab, and how it is undone. The front door of the room. */
export type { CutOptions } from "./cuts.ts";
export { checkCuttable, cutAddress, cutInterface, keepKernelQuiet } from "./cuts.ts";
export type { Lease } from "./lease.ts";
export type { Fault, FaultName, FaultStep, Victim } from "./named.ts";
export { cutsOf, faultNamed, faultNames } from "./named.ts";
export type { FaultChoice, FaultEnd } from "./notation.ts";
export { describeFault, parseFault } from "./notation.ts";
export type { Outcome } from "./outcome.ts";
export { outcomeOf } from "./outcome.ts";
export { cutAddressRuleset, keepQuietRuleset } from "./rules.ts";
export type { ProcessSignal } from "./signals.ts";
export { signalProcess } from "./signals.ts";
