import { assert, unreachable } from "../base/assert.ts";
import type { ReceiveUpdate } from "../rx/receive-updates.ts";
import { applyReceiveUpdate } from "../rx/receive-updates.ts";
import type { SendUpdate } from "../tx/send-updates.ts";
import { applySendUpdate } from "../tx/send-updates.ts";
import type { ReconfigurationState } from "./reconfiguration-state.ts";
import type { AsconfState } from "./asconf-state.ts";
import type { AssociationPhase, AssociationState } from "./state.ts";
import { cloneAssociationState } from "./state.ts";

/** One change of the association state. The standby applies the same changes with the same function. */
export type AssociationUpdate =
  | { readonly kind: "opened"; readonly state: AssociationState }
  | { readonly kind: "phaseEntered"; readonly phase: AssociationPhase }
  | SendUpdate
  | ReceiveUpdate
  | { readonly kind: "addressConfirmed"; readonly address: string }
  | { readonly kind: "primaryChanged"; readonly address: string }
  | { readonly kind: "encapsulationPortLearned"; readonly address: string; readonly port: number }
  | { readonly kind: "reconfigurationChanged"; readonly reconfiguration: ReconfigurationState }
  /** New numbers of streams (RFC 6525 sections 5.1.5 and 5.2.5). */
  | { readonly kind: "streamCountsChanged"; readonly inbound: number; readonly outbound: number }
  | { readonly kind: "asconfChanged"; readonly asconf: AsconfState }
  | { readonly kind: "peerAddressesChanged"; readonly addresses: readonly string[] }
  | { readonly kind: "localAddressesChanged"; readonly addresses: readonly string[] }
  | { readonly kind: "keyActivated"; readonly keyId: number }
  /** The peer turned out not to know FORWARD TSN (RFC 3758 section 3.3.3). */
  | { readonly kind: "partialReliabilityDenied" }
  | { readonly kind: "userStateSaved"; readonly userState: Uint8Array };

/** An update with its number in the association's life: 1, 2, 3 ... */
export interface NumberedUpdate {
  readonly sequence: number;
  readonly update: AssociationUpdate;
}

/** The state that an `opened` update starts: a copy of its own, numbered 1. */
export function openState(update: Extract<AssociationUpdate, { kind: "opened" }>): AssociationState {
  const state = cloneAssociationState(update.state);
  state.sequence += 1;
  return state;
}

/** The reducer: changes `state` by one update. A fold of all updates gives the state at any instant. */
export function applyUpdate(state: AssociationState, update: AssociationUpdate): void {
  state.sequence += 1;
  switch (update.kind) {
    case "opened":
      assert(false, "an association is opened once; openState makes its first state");
      break;
    case "phaseEntered":
      state.phase = update.phase;
      break;
    case "messageQueued":
    case "tsnAssigned":
    case "cumAcked":
    case "messageDiscarded":
    case "abandoned":
    case "outboundStreamsReset":
    case "outboundTsnReset":
    case "tsnsPassed":
      applySendUpdate(state.send, update);
      break;
    case "dataDelivered":
    case "dataReceived":
    case "dataDiscarded":
    case "delivered":
    case "dataSkipped":
    case "streamAdvanced":
    case "streamsReset":
    case "tsnReset":
    case "receiveBehind":
    case "resynchronised":
    case "flowAdopted":
      applyReceiveUpdate(state.receive, update);
      break;
    case "addressConfirmed":
      state.confirmedAddresses.add(update.address);
      break;
    case "primaryChanged":
      state.primaryAddress = update.address;
      break;
    case "encapsulationPortLearned":
      state.encapsulationPorts.set(update.address, update.port);
      break;
    case "reconfigurationChanged":
      state.reconfiguration = update.reconfiguration;
      break;
    case "streamCountsChanged":
      state.agreement = {
        ...state.agreement,
        inboundStreams: update.inbound,
        outboundStreams: update.outbound,
      };
      break;
    case "asconfChanged":
      state.asconf = update.asconf;
      break;
    case "peerAddressesChanged":
      changePeerAddresses(state, update.addresses);
      break;
    case "localAddressesChanged":
      state.agreement = { ...state.agreement, localAddresses: update.addresses };
      break;
    case "keyActivated":
      state.activeKeyId = update.keyId;
      break;
    case "partialReliabilityDenied": {
      const extensions = { ...state.agreement.extensions, partialReliability: false };
      state.agreement = { ...state.agreement, extensions };
      break;
    }
    case "userStateSaved":
      state.userState = update.userState;
      break;
    default:
      unreachable(update);
  }
}

/** An address that went is not confirmed any more, should it come back. */
function changePeerAddresses(state: AssociationState, addresses: readonly string[]): void {
  for (const address of state.agreement.peerAddresses) {
    if (addresses.includes(address)) continue;
    state.confirmedAddresses.delete(address);
    state.encapsulationPorts.delete(address);
  }
  state.agreement = { ...state.agreement, peerAddresses: addresses };
}
