import { setFlagsFromString } from "node:v8";
import { TakeoverRehearsal } from "../replica/index.ts";
import type { ProtocolParameters } from "../sctp/index.ts";

/** Once compiles what is needed, a second time makes it fast. */
const times = 2;

/**
 * Gets this program ready to take over within milliseconds: what a takeover needs is compiled now, and stays
 * so. Takes some hundred milliseconds.
 */
export function rehearseTakeover(parameters: ProtocolParameters): void {
  // Else V8 throws code away that has not run for a while, as that of a takeover has not.
  setFlagsFromString("--no-flush-bytecode");
  TakeoverRehearsal.play(times, parameters);
}
