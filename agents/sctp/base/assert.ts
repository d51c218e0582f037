/** Stops the program when one of our own rules is broken. Never for what a peer or an operator does. */
export function assert(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Error(`broken rule: ${rule}`);
}

/** For the branch of a switch that cannot be reached; the compiler checks that it cannot. */
export function unreachable(value: never): never {
  throw new Error(`broken rule: unexpected ${JSON.stringify(value)}`);
}
