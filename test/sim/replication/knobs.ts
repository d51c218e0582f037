import type { Load } from "../../../agents/application/index.ts";
import type { FencingMode } from "../../../agents/replica/index.ts";
import type { ProtocolParameters } from "../../../agents/sctp/index.ts";
import type { LinkKnobs } from "../sctp/knobs.ts";
import type { KillPoint } from "./kill-points.ts";

/** The computers of the cluster: two members and the keeper. */
export type MachineName = "a" | "b" | "k";
export type MemberName = "a" | "b";
export const memberNames: readonly MemberName[] = ["a", "b"];
export const otherMember = (name: MemberName): MemberName => (name === "a" ? "b" : "a");

/** Which cluster link, by its two ends. */
export type PairName = "ab" | "ak" | "bk";

/** How a process ends: killed, so that its kernel closes its links, or with its computer, so that nobody does. */
export type Death = "kill" | "power";

/** A death at a point of the commit, which the run reaches by itself. */
export interface CrashPlan {
  /** The point counts from this instant on. */
  readonly afterMs: number;
  readonly point: KillPoint;
  /** So often it is passed before. */
  readonly skip: number;
  /** Who dies: whoever reaches the point, the other member, or the keeper. */
  readonly victim: "here" | "other" | "keeper";
  readonly death: Death;
  /** How long until the member is started again, as secondary; undefined: not before the end. */
  readonly restartAfterMs: number | undefined;
}

/** The host of a primary stands still after its member decided what is to leave, and before that leaves. */
export interface PausePlan {
  readonly afterMs: number;
  /** So many turns with packets are passed before. */
  readonly skip: number;
  readonly forMs: number;
}

/** What happens at an instant of the run, in milliseconds from its start. */
export type Happening =
  | {
      readonly kind: "die";
      readonly machine: MachineName;
      readonly death: Death;
      readonly restartAfterMs: number | undefined;
    }
  /** `timersFirst`: what it does first when it goes on; `batch`: all that waited is read in one turn. */
  | {
      readonly kind: "freeze";
      readonly machine: MachineName;
      readonly forMs: number;
      readonly timersFirst: boolean;
      readonly batch: boolean;
    }
  | { readonly kind: "clock-jump"; readonly machine: MachineName; readonly byMs: number }
  /** One direction of a cluster link or both carry nothing for a while. */
  | {
      readonly kind: "link-cut";
      readonly pair: PairName;
      readonly to: MachineName | "both";
      readonly forMs: number;
    }
  /** A live process gives its end up, whatever it may be displeased with. */
  | { readonly kind: "give-up"; readonly pair: PairName; readonly machine: MachineName }
  | { readonly kind: "link-stall"; readonly pair: PairName; readonly to: MachineName; readonly forMs: number }
  | { readonly kind: "cut" | "heal"; readonly from: string | undefined; readonly to: string | undefined }
  | { readonly kind: "handover" | "synchronise" | "announce" }
  | { readonly kind: "set-policy"; readonly policy: string }
  | { readonly kind: "shutdown"; readonly by: "peer" | "cluster" };

export interface TimedHappening {
  readonly atMs: number;
  readonly what: Happening;
}

export interface ClockKnobs {
  readonly aheadMs: number;
  /** Milliseconds of its own in a millisecond of the world. */
  readonly rate: number;
}

export interface ClusterLinkKnobs {
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly reconnectMs: number;
  /** A partner of which nothing came for this long is given up. */
  readonly silentAfterMs: number;
}

/** Everything that a seed decides, apart from the draws during the run. */
export interface Knobs {
  readonly seed: number;
  /** Text form, as on the command line. */
  readonly policy: string;
  readonly fencing: FencingMode;
  readonly keeper: "store" | "witness" | undefined;
  readonly network: LinkKnobs;
  readonly link: ClusterLinkKnobs;
  readonly beatIntervalMs: number;
  readonly leaseMs: number;
  readonly takeoverAfterMs: number;
  readonly parameters: ProtocolParameters;
  readonly peerAddresses: readonly string[];
  readonly up: Load;
  readonly down: Load;
  readonly clocks: Readonly<Record<MachineName, ClockKnobs>>;
  readonly tsnNearWrap: boolean;
  readonly ssnNearWrap: boolean;
  readonly loadAtMs: number;
  readonly activeMs: number;
  readonly happenings: readonly TimedHappening[];
  readonly crashes: readonly CrashPlan[];
  readonly pauses: readonly PausePlan[];
}
