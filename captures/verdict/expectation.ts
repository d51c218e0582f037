import type { Scene } from "./scene.ts";

/** What becomes of the primary: its process ended for sure, it is silent, its way out is gone, or nothing broke. */
type FaultKind = "ended" | "silent" | "path" | "link" | "everything" | "keeper" | "planned";

const kindOfFault: Readonly<Record<string, FaultKind>> = {
  crash: "ended",
  kill: "ended",
  terminate: "ended",
  announce: "ended",
  rejoin: "ended",
  kills: "ended",
  freeze: "silent",
  zombie: "silent",
  "host-cut": "silent",
  "path-cut": "path",
  "cluster-cut": "link",
  "everything-cut": "everything",
  "store-death": "keeper",
  handover: "planned",
};

export interface Expectation {
  /** Whether another member goes on; `either`: a keeper lets whoever asks first. */
  readonly takeover: boolean | "either";
  /** In words that follow "as". */
  readonly because: string;
}

/**
 * Who goes on after a fault, by the fencing mode alone: a death that is sure needs no leave, silence does.
 * A fault `@peer` was done to the other end than the one that is judged, one `@both` to both.
 * Undefined: the record does not say what was done, or under which mode.
 */
export function expectationOf(
  fault: string | undefined,
  fencing: string | undefined,
): Expectation | undefined {
  const [name = "", end] = fault?.split("@") ?? [];
  if (end === "peer" && name in kindOfFault)
    return { takeover: false, because: "only the other end was struck" };
  const kind = kindOfFault[name];
  if (kind === undefined) return undefined;
  if (kind === "ended") return { takeover: true, because: "the primary's end was sure" };
  if (kind === "planned") return { takeover: true, because: "was planned" };
  if (kind === "path") return { takeover: false, because: "the primary lived: a path failover" };
  if (kind === "keeper") return { takeover: false, because: "only the keeper was lost" };
  const because = `${String(fencing)} says of silence`;
  if (fencing === "keep-primary") return { takeover: false, because };
  if (fencing === "prefer-availability") return { takeover: true, because };
  if (fencing !== "witness") return undefined;
  if (kind === "everything") return { takeover: "either", because };
  // With the cluster link cut, the witness hears the primary as before.
  return { takeover: kind === "silent", because };
}

/** Whether a takeover is to come of this run's fault; where either may go on, whether one came; undefined: not known. */
export function expectsTakeover({ history, succession }: Scene): boolean | undefined {
  const { fault, fencing } = history.terms ?? {};
  const takeover = expectationOf(fault, fencing)?.takeover;
  return takeover === "either" ? succession.tenures.length > 1 : takeover;
}
