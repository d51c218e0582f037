import type { AssociationUpdate, Tsn } from "../../sctp/index.ts";
import { unreachable } from "../../sctp/index.ts";

/**
 * What an asynchronous policy makes of an update that the holder lacks: `structural`: it goes there at
 * once, and what depends on it waits; `leased`: excused while its TSN lies below the lease that the holder
 * knows; `excused`: a takeover without it loses something that is found out and reported.
 */
export type Excuse =
  | { readonly kind: "structural" | "excused" }
  | { readonly kind: "leased"; readonly tsn: Tsn };

const structural: Excuse = { kind: "structural" };
const excused: Excuse = { kind: "excused" };

export function excuseOf(update: AssociationUpdate): Excuse {
  switch (update.kind) {
    case "opened":
    case "phaseEntered":
    case "reconfigurationChanged":
    case "streamCountsChanged":
    case "streamsReset":
    case "tsnReset":
    case "outboundStreamsReset":
    case "outboundTsnReset":
    case "asconfChanged":
    case "peerAddressesChanged":
    case "localAddressesChanged":
    case "keyActivated":
    case "partialReliabilityDenied":
    case "tsnsPassed":
    case "receiveBehind":
    case "resynchronised":
    case "flowAdopted":
      return structural;
    case "tsnAssigned":
      return { kind: "leased", tsn: update.tsn };
    case "messageQueued":
    case "cumAcked":
    case "messageDiscarded":
    case "abandoned":
    case "dataReceived":
    case "dataDelivered":
    case "dataDiscarded":
    case "delivered":
    case "dataSkipped":
    case "streamAdvanced":
    case "addressConfirmed":
    case "primaryChanged":
    case "encapsulationPortLearned":
    case "userStateSaved":
      return excused;
    default:
      return unreachable(update);
  }
}

export const isStructural = (update: AssociationUpdate): boolean => excuseOf(update).kind === "structural";
