import type { Application } from "../application/index.ts";
import type { AssociationState, Endpoint, IcmpReport, OutboundPacket, Route } from "../sctp/index.ts";
import type { ClusterFrame } from "./frames.ts";
import type { ReplicationPolicy } from "./policy/index.ts";
import type { InstanceRecord } from "./records.ts";
import type { AddressedFrame, FencingMode, LinkName } from "./sending-right.ts";
import type { StandbyInstance } from "./standby.ts";

export interface MemberOptions {
  readonly startsAs: "primary" | "secondary";
  readonly makeEndpoint: () => Endpoint;
  /** One for each association. */
  readonly makeApplication: () => Application;
  /** Addresses of the endpoint that the other member has. */
  readonly partnerAddresses: readonly string[];
  readonly fencing: FencingMode;
  readonly policy: ReplicationPolicy;
  /** The third computer, where there is one: whether it holds the state, or only decides. */
  readonly keeper: "store" | "witness" | undefined;
  readonly beatIntervalMs: number;
  /** How long an answered beat lets the primary send; shorter than `takeoverAfterMs`. */
  readonly leaseMs: number;
  readonly takeoverAfterMs: number;
}

/** What the host is to do, in order within each list. */
export interface RoleOutputs {
  readonly packets: OutboundPacket[];
  readonly frames: AddressedFrame[];
  readonly records: InstanceRecord[];
}

export const noOutputs = (): RoleOutputs => ({ packets: [], frames: [], records: [] });

/** A packet that came from the network. */
export interface ArrivedPacket {
  readonly bytes: Uint8Array;
  readonly route: Route;
  readonly congestionExperienced: boolean;
}

/** A lease to begin with: who gave it, and the instant from which it counts. */
export interface StartingLease {
  readonly by: LinkName;
  readonly atMs: number;
}

/** A role is at its end: what the member becomes. */
export type Transition =
  /** The primary is gone: its associations are gone on with. */
  | {
      readonly to: "primary";
      readonly epoch: number;
      readonly standby: StandbyInstance;
      /** When the keeper was asked for what it has granted; undefined: nobody was asked. */
      readonly grantedAtMs: number | undefined;
    }
  /** The primary has handed over; its word is to be proved fresh first. */
  | { readonly to: "arriving"; readonly epoch: number; readonly standby: StandbyInstance }
  /** It was. */
  | {
      readonly to: "primary-by-handover";
      readonly epoch: number;
      readonly arrival: {
        readonly standby: StandbyInstance;
        readonly packets: readonly ArrivedPacket[];
        /** Undefined where the former primary has ended meanwhile. */
        readonly lease: StartingLease | undefined;
        /** The one that handed over is there, as far as is known, and holds everything. */
        readonly partnerIsStandby: boolean;
        readonly tookMs: number;
      };
    }
  /** This primary has handed over, and holds everything. */
  | {
      readonly to: "standby-after-handover";
      readonly epoch: number;
      readonly states: readonly AssociationState[];
    }
  /** Somebody else is primary. */
  | { readonly to: "standby"; readonly epoch: number };

/** What a member is at a time. Inputs change it; `settle` ends the turn. */
export interface Role {
  readonly name: "primary" | "standby" | "arriving";
  linkUp(link: LinkName, nowMs: number): void;
  /** `ended`: the process at the other end has surely ended. */
  linkDown(link: LinkName, ended: boolean, nowMs: number): void;
  receiveFrame(link: LinkName, frame: ClusterFrame, nowMs: number): void;
  receive(packet: ArrivedPacket, nowMs: number): void;
  receiveIcmp(report: IcmpReport, nowMs: number): void;
  advance(nowMs: number): void;
  nextDeadlineMs(): number | undefined;
  /** Everything that is to be done since the last time, and what the member is to become now. */
  settle(nowMs: number): Settlement;
}

/** How a turn ends. */
export interface Settlement {
  readonly outputs: RoleOutputs;
  readonly transition?: Transition | undefined;
  /** A link on which something came that makes no sense: the host gives it up. */
  readonly refused?: LinkName | undefined;
}
