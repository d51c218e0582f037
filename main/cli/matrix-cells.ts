import type { FencingMode } from "../../agents/control/index.ts";
import { faultNames, type FaultName } from "../lab/faults/index.ts";
import type { KeeperKind, PeerKind } from "../lab/job/index.ts";

/** One combination that the matrix plays. */
export interface Cell {
  readonly policy: string;
  /** What the third computer runs, where there is one. */
  readonly store?: KeeperKind;
  /** Where it is not what the command line takes by itself. */
  readonly fencing?: FencingMode;
  /** In its text form: where the outside end is a cluster, with the end that it is done to. */
  readonly fault: string;
  readonly peer: PeerKind;
}

type Replicated = Pick<Cell, "policy" | "store" | "fencing">;

const everyUpdate: Replicated = { policy: "every-update" };
const interval: Replicated = { policy: "interval:50ms" };
const event: Replicated = { policy: "event:'updates>=20'" };
const impending: Replicated = { policy: "impending-failure:once" };
const shared: Replicated = { policy: "shared", store: "agent" };
const sharedRedis: Replicated = { policy: "shared", store: "redis" };
const keepPrimary: Replicated = { policy: "every-update", fencing: "keep-primary" };
const witness: Replicated = { policy: "every-update", fencing: "witness", store: "agent" };

/** Without a word of warning a policy that waits for one has nothing to go on from. */
const warned: readonly FaultName[] = ["announce", "terminate", "handover", "path-cut"];
/** Where the choice of who may go on makes the difference. */
const undecided: readonly FaultName[] = ["freeze", "zombie", "host-cut", "cluster-cut", "everything-cut"];

/** A series of kills shows nothing that `rejoin` does not, but where nothing at all may be lost. */
const killed: readonly Replicated[] = [everyUpdate, shared, sharedRedis];

function faultsOf(replicated: Replicated): readonly FaultName[] {
  if (replicated === impending) return warned;
  if (replicated === keepPrimary) return undecided;
  if (replicated === witness) return [...undecided, "store-death"];
  return faultNames.filter((name) => {
    if (name === "kills") return killed.includes(replicated);
    return name !== "store-death" || replicated.store !== undefined;
  });
}

/** What both ends of an association between two clusters go through, at the outside end or at both. */
const betweenClusters: readonly string[] = [
  ...["crash@peer", "crash@both", "crash@both:300ms", "freeze@both", "zombie@peer", "path-cut@both"],
  ...["everything-cut@peer", "handover@both", "rejoin@both"],
];

/** Every policy with every fault that it is for, and the fencing modes where they matter. */
export function allCells(peers: readonly PeerKind[]): Cell[] {
  const rows = [everyUpdate, interval, event, impending, shared, sharedRedis, keepPrimary, witness];
  const single = peers.filter((peer) => peer !== "cluster");
  const cells = rows.flatMap((row) =>
    faultsOf(row).flatMap((fault) => single.map((peer): Cell => ({ ...row, fault, peer }))),
  );
  if (!peers.includes("cluster")) return cells;
  return [...cells, ...betweenClusters.map((fault): Cell => ({ ...everyUpdate, fault, peer: "cluster" }))];
}

/** Few of them, and each policy, store and kind of fault among them. */
export const smallSelection: readonly Cell[] = [
  { ...everyUpdate, fault: "crash", peer: "usrsctp" },
  { ...everyUpdate, fault: "handover", peer: "agent" },
  { ...everyUpdate, fault: "rejoin", peer: "agent" },
  { ...everyUpdate, fault: "path-cut", peer: "agent" },
  { ...interval, fault: "crash", peer: "usrsctp" },
  { ...event, fault: "zombie", peer: "agent" },
  { ...impending, fault: "announce", peer: "agent" },
  { ...shared, fault: "host-cut", peer: "agent" },
  { ...sharedRedis, fault: "freeze", peer: "usrsctp" },
  { ...shared, fault: "store-death", peer: "agent" },
  { ...witness, fault: "cluster-cut", peer: "agent" },
  { ...keepPrimary, fault: "freeze", peer: "agent" },
  { ...everyUpdate, fault: "crash@both", peer: "cluster" },
];

export function nameOf({ policy, store, fencing, fault, peer }: Cell): string {
  return [policy, store, fencing, fault, peer].filter((word) => word !== undefined).join(" ");
}

/** Whether a cell is meant by what the operator wrote: each word is one of the cell's, or the beginning of its policy. */
export function isMeant(cell: Cell, words: readonly string[]): boolean {
  const { policy, store, fencing, fault, peer } = cell;
  return words.every(
    (word) => [policy, policy.split(":")[0], store, fencing, fault, peer].includes(word) || word === "",
  );
}
