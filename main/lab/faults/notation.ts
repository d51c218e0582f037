import { type FaultName, faultNames } from "./named.ts";

/** At which end of the association a fault is done: to the cluster of a and b, to that of the outside end, or to both. */
export type FaultEnd = "cluster" | "peer" | "both";

/** What is done to a lab, and where. */
export interface FaultChoice {
  readonly name: FaultName;
  readonly end: FaultEnd;
  /** At both ends: how long after the cluster the outside end is struck; 0: at once. */
  readonly peerAfterMs: number;
}

export type FaultResult =
  | { readonly ok: true; readonly choice: FaultChoice }
  | { readonly ok: false; readonly reason: string };

const notation = /^([a-z-]+)(?:@(peer|both)(?::(\d{1,5})ms)?)?$/;

/** Reads `crash`, `crash@peer`, `crash@both` or `crash@both:300ms`; otherwise answers one sentence. */
export function parseFault(text: string): FaultResult {
  const [, word, end = "cluster", delay] = notation.exec(text) ?? [];
  const name = faultNames.find((each) => each === word);
  if (name === undefined) {
    const reason = `"${text}" is no fault: give one of ${faultNames.join(", ")}, and where the outside end is a cluster @peer, @both or @both:300ms behind it.`;
    return { ok: false, reason };
  }
  if (delay !== undefined && end !== "both")
    return { ok: false, reason: `"${text}": a delay lies between the two ends, so it takes @both.` };
  if (end !== "cluster" && name === "store-death")
    return { ok: false, reason: `"${text}": the outside end has no store or witness that could die.` };
  if (end !== "cluster" && name === "kills")
    return { ok: false, reason: `"${text}": a series of kills is for the cluster of a and b.` };
  return { ok: true, choice: { name, end: end as FaultEnd, peerAfterMs: Number(delay ?? 0) } };
}

/** The text form. */
export function describeFault({ name, end, peerAfterMs }: FaultChoice): string {
  return `${name}${end === "cluster" ? "" : `@${end}`}${peerAfterMs === 0 ? "" : `:${peerAfterMs}ms`}`;
}
