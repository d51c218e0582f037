import type { ProtocolParameters, WantedReconfiguration } from "../../../agents/sctp/index.ts";

export type Side = "a" | "b";
export const sides: readonly Side[] = ["a", "b"];
export const otherSide = (side: Side): Side => (side === "a" ? "b" : "a");

/** Loss in bursts: a Gilbert model with a good and a bad state, by packet (probabilities from 0 to 1). */
export interface BurstLoss {
  readonly enterBad: number;
  readonly leaveBad: number;
  readonly lossGood: number;
  readonly lossBad: number;
}

/** How each direction between two addresses behaves until the network is healed. */
export interface LinkKnobs {
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly loss: BurstLoss;
  readonly duplication: number;
  readonly corruption: number;
  readonly reordering: number;
  readonly reorderingMs: number;
  /** 0: no limit. */
  readonly bandwidthBytesPerMs: number;
  readonly queueBytes: number;
  /** Whether a packet that is larger than the path MTU is reported by ICMP. */
  readonly reportsTooBig: boolean;
}

/** What users do with extensions, at an instant of the run. */
export type ExtensionHappening =
  /** Streams are numbers that are still to be cut to those that there are; none: all. */
  | { readonly kind: "reconfigure"; readonly side: Side; readonly wanted: WantedReconfiguration }
  /**
   * An address of a host comes or goes, and its user says so (RFC 5061); `place`: which of those that
   * there are. `gone`: it works no longer when the user says that it goes.
   */
  | {
      readonly kind: "address";
      readonly side: Side;
      readonly act: "add" | "delete" | "set-primary";
      readonly place: number;
      readonly gone: boolean;
    }
  /** Both users set a shared key, one of them sends with it from now on, or both forget it (RFC 4895). */
  | { readonly kind: "key-set" | "key-delete"; readonly keyId: number }
  | { readonly kind: "key-use"; readonly side: Side; readonly keyId: number };

/** What happens at an instant of the run, in milliseconds from its start. */
export type Happening =
  | { readonly kind: "cut" | "heal"; readonly from: string | undefined; readonly to: string | undefined }
  | { readonly kind: "mtu"; readonly bytes: number }
  | { readonly kind: "clock-jump"; readonly side: Side; readonly byMs: number }
  | { readonly kind: "restore"; readonly side: Side }
  | { readonly kind: "restart"; readonly side: Side }
  | { readonly kind: "abort"; readonly side: Side }
  | { readonly kind: "shutdown"; readonly side: Side }
  | { readonly kind: "send"; readonly side: Side; readonly count: number }
  | ExtensionHappening;

export interface TimedHappening {
  readonly atMs: number;
  readonly what: Happening;
}

export interface SideKnobs {
  readonly addresses: readonly string[];
  readonly parameters: ProtocolParameters;
  readonly largestMessageBytes: number;
  readonly unorderedShare: number;
  /** Messages with a policy of partial reliability (RFC 3758, RFC 7496). */
  readonly unreliableShare: number;
  readonly connects: boolean;
  /** How long the user leaves deliveries in the receive buffer; 0: it takes them at once. */
  readonly readsEveryMs: number;
  /** Addresses that it has later on, perhaps (RFC 5061). */
  readonly standbyAddresses: readonly string[];
}

/** Everything that a seed decides, apart from the draws during the run. */
export interface Knobs {
  readonly seed: number;
  readonly link: LinkKnobs;
  readonly a: SideKnobs;
  readonly b: SideKnobs;
  readonly timers: "short" | "telecom" | "rfc9260";
  readonly tsnNearWrap: boolean;
  readonly ssnNearWrap: boolean;
  /** An association may not be given up: retransmission limits are out of reach. */
  readonly patient: boolean;
  readonly activeMs: number;
  readonly happenings: readonly TimedHappening[];
  /** How it ends once everything is delivered; none where it was ended before. */
  readonly ending: "shutdown-a" | "shutdown-b" | "shutdown-both" | "abort" | "none";
  /** The share of packets that routers mark for congestion, where both sides understand that. */
  readonly markedShare: number;
  /** The share of authenticated packets that somebody on the way forges (RFC 4895), beside the true ones. */
  readonly forgedShare: number;
}
