/** The policies that the simulator plays unless told otherwise, in their text form. */
export const simulatedPolicies: readonly string[] = ["every-update"];

/** Whether runs with one of these policies have a third computer, and so claims. */
export const hasKeeper = (policies: readonly string[]): boolean =>
  policies.some((policy) => policy.startsWith("shared") || policy.startsWith("witness "));
