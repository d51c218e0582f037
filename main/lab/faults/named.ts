import type { Cut, MemberName } from "../hosts.ts";
import type { ProcessSignal } from "./signals.ts";

/** Whose process a signal goes to: the agent of a member, or the store or witness. */
export type Victim = MemberName | "keeper";

export type FaultStep =
  | { readonly kind: "signal"; readonly victim: Victim; readonly signal: ProcessSignal }
  /** `whereItCan`: the fault counts as done also in a lab that cannot cut. */
  | { readonly kind: "cut"; readonly place: Cut; readonly whereItCan?: boolean }
  /** The operator says to the primary that it is about to fail, and waits until it has acted on that. */
  | { readonly kind: "announce" }
  /** The operator has the standby take the primary's place, and waits for that. */
  | { readonly kind: "handover" };

/**
 * What a fault leaves of A, which decides who may go on. `ended`: its process is surely gone. `silent`:
 * nothing is heard of it, and that says nothing sure. `path`: only its way to the outside is gone. `link`:
 * the members do not hear each other. `everything`: the members hear nobody. `keeper`: the store or witness
 * is gone. `planned`: nothing broke.
 */
export type FaultKind = "ended" | "silent" | "path" | "link" | "everything" | "keeper" | "planned";

/** Something that is done to a lab on purpose. What it cuts or freezes is healed when it is over. */
export interface Fault {
  /** What happens, for a person; begins with a verb. */
  readonly text: string;
  readonly kind: FaultKind;
  readonly strike: readonly FaultStep[];
  /** Healed under the load, so that the run shows what happens then; else at its end. */
  readonly healsMidway?: boolean;
  /** Afterwards an agent is started on a anew, made the standby, and given its place back. */
  readonly returns?: boolean;
  /** Instead of one strike: whoever serves is killed and comes back as the standby, as often as the setting says. */
  readonly repeats?: boolean;
}

export type FaultName =
  | "crash"
  | "terminate"
  | "freeze"
  | "zombie"
  | "path-cut"
  | "host-cut"
  | "cluster-cut"
  | "everything-cut"
  | "store-death"
  | "announce"
  | "handover"
  | "rejoin"
  | "kills";

const killA: FaultStep = { kind: "signal", victim: "a", signal: "KILL" };
const freezeA: FaultStep = { kind: "signal", victim: "a", signal: "STOP" };
/** The machine of a dead agent goes silent too, where the lab can do that. */
const alsoCutA: Extract<FaultStep, { kind: "cut" }> = { kind: "cut", place: "a:outside", whereItCan: true };

const faults: Readonly<Record<FaultName, Fault>> = {
  crash: {
    text: "kill the agent on a and cut a off the outside network",
    kind: "ended",
    strike: [killA, alsoCutA],
  },
  terminate: {
    text: "tell the agent on a to end (SIGTERM), then cut a off the outside network",
    kind: "ended",
    strike: [{ kind: "signal", victim: "a", signal: "TERM" }, alsoCutA],
  },
  freeze: { text: "freeze the agent on a", kind: "silent", strike: [freezeA] },
  zombie: {
    text: "freeze the agent on a, and wake it after the takeover",
    kind: "silent",
    strike: [freezeA],
    healsMidway: true,
  },
  "path-cut": {
    text: "cut a off the outside network; a lives",
    kind: "path",
    strike: [{ kind: "cut", place: "a:outside" }],
  },
  "host-cut": {
    text: "cut a off all networks but the management's",
    kind: "silent",
    strike: [
      { kind: "cut", place: "a:intra" },
      { kind: "cut", place: "a:outside" },
    ],
  },
  "cluster-cut": {
    text: "cut the cluster link between a and b, and heal it later",
    kind: "link",
    strike: [{ kind: "cut", place: "cluster-link" }],
    healsMidway: true,
  },
  "everything-cut": {
    text: "cut a and b off all networks but the management's, and heal that",
    kind: "everything",
    strike: [
      { kind: "cut", place: "a:intra" },
      { kind: "cut", place: "b:intra" },
      { kind: "cut", place: "a:outside" },
      { kind: "cut", place: "b:outside" },
    ],
  },
  "store-death": {
    text: "kill the cluster's store or witness",
    kind: "keeper",
    strike: [{ kind: "signal", victim: "keeper", signal: "KILL" }],
  },
  announce: {
    text: "announce the failure of a, then kill its agent and cut a off the outside network",
    kind: "ended",
    strike: [{ kind: "announce" }, killA, alsoCutA],
  },
  handover: { text: "hand over from a to b as planned", kind: "planned", strike: [{ kind: "handover" }] },
  rejoin: {
    text: "kill the agent on a, start it anew as the standby, and hand over to it",
    kind: "ended",
    strike: [killA, alsoCutA],
    returns: true,
  },
  kills: {
    text: "kill the agent of whoever serves, again and again; each is started anew as the standby",
    kind: "ended",
    strike: [],
    repeats: true,
  },
};

export const faultNames: readonly FaultName[] = Object.keys(faults) as FaultName[];

export function faultNamed(name: FaultName): Fault {
  return faults[name];
}

/** What of a fault must be undone: the cuts that it makes. */
export function cutsOf(fault: Fault): readonly Extract<FaultStep, { kind: "cut" }>[] {
  if (fault.repeats === true) return [alsoCutA, { ...alsoCutA, place: "b:outside" }];
  return fault.strike.filter((step) => step.kind === "cut");
}
