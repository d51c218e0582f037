import { tsn, tsnDistance } from "../base/serial.ts";
import type { Path } from "../path/path.ts";
import { clearErrors, pathForNewData, pathForRetransmission } from "../path/path.ts";
import type { AsconfAckChunk, Parameter } from "../wire/index.ts";
import { addressParameter } from "../wire/index.ts";
import { abort } from "./abort.ts";
import type { AddressRequest, AsconfState } from "./asconf-state.ts";
import { isUnsettled, openRequests } from "./asconf-state.ts";
import type { AssociationCore } from "./core.ts";
import type { Route } from "./outputs.ts";
import { countPathError } from "./time-outs.ts";

/** The side of RFC 5061 that asks: changes of our own addresses. */

export type AddressReply =
  | "accepted"
  | "not-connected"
  | "not-supported"
  /** The address is there already, or is asked for already. */
  | "known-address"
  | "unknown-address"
  | "last-address"
  | "busy";

/** Requests that may wait, and go into one ASCONF: they fit into any packet. */
const maxWanted = 8;

/** Phases in which ASCONF and ASCONF-ACK may be sent (section 5.1.1, C4). */
export const mayReconfigureAddresses = ({ state: { phase } }: AssociationCore): boolean =>
  phase === "established" ||
  phase === "shutdown-pending" ||
  phase === "shutdown-received" ||
  phase === "shutdown-sent";

export function changeAsconf(core: AssociationCore, change: Partial<AsconfState>): void {
  core.change({ kind: "asconfChanged", asconf: { ...core.state.asconf, ...change } });
}

/** Why requests cannot be taken, as if all that is asked for already were done; undefined: they can. */
export function whyNotAsked(
  core: AssociationCore,
  requests: readonly AddressRequest[],
): Exclude<AddressReply, "accepted"> | undefined {
  const { agreement, phase, asconf } = core.state;
  if (phase !== "established") return "not-connected";
  if (!agreement.extensions.addressReconfiguration) return "not-supported";
  if (requests.some(({ kind }) => asconf.notUnderstood.includes(kind))) return "not-supported";
  const addresses = addressesToCome(core);
  for (const { kind, address } of requests) {
    if (kind === "add" && addresses.has(address)) return "known-address";
    if (kind !== "add" && !addresses.has(address)) return "unknown-address";
    if (kind === "delete" && addresses.size === 1) return "last-address";
    if (kind === "add") addresses.add(address);
    else if (kind === "delete") addresses.delete(address);
  }
  return asconf.wanted.length + requests.length > maxWanted ? "busy" : undefined;
}

/** Takes all of these requests of the user or none; they are sent as soon as those before them are answered. */
export function requestAddressChanges(
  core: AssociationCore,
  requests: readonly AddressRequest[],
): AddressReply {
  const refusal = whyNotAsked(core, requests);
  if (refusal !== undefined) return refusal;
  changeAsconf(core, { wanted: [...core.state.asconf.wanted, ...requests] });
  if (requests.some(({ kind }) => kind === "delete")) leaveFromOthers(core);
  return "accepted";
}

/** Section 5.3, F4: from now on nothing leaves from an address that is to be deleted. */
function leaveFromOthers(core: AssociationCore): void {
  const stays = (address: string): boolean => !isLeaving(core, address);
  const left = core.sources.filter(stays);
  const known = core.state.agreement.localAddresses.filter(stays);
  core.useSources(left.length > 0 ? left : known);
}

function addressesToCome(core: AssociationCore): Set<string> {
  const addresses = new Set(core.state.agreement.localAddresses);
  for (const { kind, address } of openRequests(core.state.asconf)) {
    if (kind === "add") addresses.add(address);
    else if (kind === "delete") addresses.delete(address);
  }
  return addresses;
}

/** Whether the peer was asked to delete this address of ours: an ABORT that comes there is too late (section 5.3.1). */
const isLeaving = (core: AssociationCore, local: string): boolean =>
  openRequests(core.state.asconf).some(({ kind, address }) => kind === "delete" && address === local);

/**
 * Whether an ABORT that comes to this address of ours answers what left there before it was deleted (section 5.3.1).
 * Out of the blue it may come so late that the address is being added again, and not yet part of the association
 * (F1), or is one of ours again already: for two RTOs, as long as a peer may hold a deleted address (section 5.3).
 */
export const isLateAbort = (
  core: AssociationCore,
  local: string,
  tagReflected: boolean,
  nowMs: number,
): boolean =>
  isLeaving(core, local) ||
  (tagReflected && (isUnsettled(core.state.asconf, local) || nowMs < (core.leftUntilMs.get(local) ?? 0)));

/** Sends the next ASCONF where none is on its way, or that one again. */
export function sendAsconf(core: AssociationCore): void {
  if (!mayReconfigureAddresses(core)) return;
  const { asconf, agreement } = core.state;
  if (asconf.inFlight === undefined && asconf.wanted.length > 0) {
    const serial = asconf.nextSerial;
    const lookup = agreement.localAddresses[0] ?? core.localAddress;
    changeAsconf(core, {
      inFlight: { serial, lookup, requests: asconf.wanted },
      wanted: [],
      nextSerial: (serial + 1) >>> 0,
    });
    core.asconfPath = undefined;
    core.asconfDue = true;
  }
  const { inFlight } = core.state.asconf;
  if (!core.asconfDue || inFlight === undefined) return;
  core.asconfDue = false;
  const path = nextPath(core);
  core.asconfPath = path.address;
  const { serial, lookup, requests } = inFlight;
  core.control.push({
    chunk: {
      type: "ASCONF",
      serialNumber: serial,
      address: addressParameter(lookup),
      parameters: requests.map(requestParameter),
    },
    route: { ...core.routeTo(path), local: sourceOf(core, path, requests) },
    reason: "address-change",
    dependsOn: core.state.sequence,
  });
  core.deadlines.set("asconf", core.nowMs + path.rto.rtoMs);
}

/** Section 5.1, B4: another path than the one on which it was lost. */
function nextPath(core: AssociationCore): Path {
  const last = core.paths.get(core.asconfPath ?? "");
  return last === undefined
    ? pathForNewData(core.allPaths, core.primaryPath)
    : pathForRetransmission(core.allPaths, last);
}

const parameterTypes = {
  add: "ADD_IP_ADDRESS",
  delete: "DELETE_IP_ADDRESS",
  "set-primary": "SET_PRIMARY_ADDRESS",
} as const;

/** Correlation identifiers count from 1. */
const requestParameter = ({ kind, address }: AddressRequest, place: number): Parameter => ({
  type: parameterTypes[kind],
  correlationId: place + 1,
  address: addressParameter(address),
});

/** Not from an address that is being deleted (section 5.3, F6); from a new one only where there is no other (F1). */
function sourceOf(core: AssociationCore, path: Path, requests: readonly AddressRequest[]): string {
  const isIpv6 = path.address.includes(":");
  const added = requests.filter(({ kind }) => kind === "add").map(({ address }) => address);
  const usable = [core.routeTo(path).local, ...core.sources].filter(
    (each) => !isUnsettled(core.state.asconf, each),
  );
  const candidates = [...usable, ...added].filter((each) => each.includes(":") === isIpv6);
  return candidates[0] ?? core.localAddress;
}

/** T4-rtx expired (section 5.1, B1 to B5). */
export function asconfTimedOut(core: AssociationCore, nowMs: number): void {
  if (core.state.asconf.inFlight === undefined) return;
  countPathError(core, core.paths.get(core.asconfPath ?? "") ?? core.primaryPath, nowMs);
  core.asconfDue = core.state.phase !== "closed";
}

/** Goes on with what another instance had asked. */
export function resumeAsconf(core: AssociationCore): void {
  if (core.state.asconf.inFlight !== undefined) core.asconfDue = true;
}

/** The peer does not know ASCONF at all (section 5.1, A9). */
export function asconfNotUnderstood(core: AssociationCore): void {
  const requests = openRequests(core.state.asconf);
  if (requests.length === 0) return;
  core.deadlines.clear("asconf");
  core.asconfDue = false;
  changeAsconf(core, { inFlight: undefined, wanted: [], notUnderstood: ["add", "delete", "set-primary"] });
  for (const request of requests) settleRequest(core, request, false);
}

export function receiveAsconfAck(core: AssociationCore, chunk: AsconfAckChunk, route: Route): void {
  const { asconf } = core.state;
  const { inFlight } = asconf;
  if (inFlight === undefined && tsnDistance(tsn(asconf.nextSerial), tsn(chunk.serialNumber)) >= 0) {
    // Section 5.3, F0: it answers what was never asked.
    abort(core, route, { type: "ILLEGAL_ASCONF_ACK", code: 0x00a3, value: new Uint8Array(0) });
    return;
  }
  if (inFlight === undefined || inFlight.serial !== chunk.serialNumber) return;
  core.deadlines.clear("asconf");
  core.asconfDue = false;
  core.errorCount = 0;
  const path = core.paths.get(core.asconfPath ?? "");
  if (path !== undefined && clearErrors(path))
    core.notify({ type: "peer-address-change", address: path.address, state: "available" });
  changeAsconf(core, {
    inFlight: undefined,
    notUnderstood: [...new Set([...asconf.notUnderstood, ...notUnderstoodIn(chunk, inFlight.requests)])],
  });
  const accepted = acceptedIn(chunk, inFlight.requests.length);
  for (const [place, request] of inFlight.requests.entries())
    settleRequest(core, request, accepted[place] === true);
}

/**
 * Which requests were done: those before the first failure, and behind it those that are named (section
 * 5.1, A7 and A8).
 */
function acceptedIn(chunk: AsconfAckChunk, count: number): readonly boolean[] {
  const has = (type: "ERROR_CAUSE_INDICATION" | "SUCCESS_INDICATION", id: number): boolean =>
    chunk.parameters.some((each) => each.type === type && each.correlationId === id);
  let failed = false;
  return Array.from({ length: count }, (_, place) => {
    if (has("ERROR_CAUSE_INDICATION", place + 1)) {
      failed = true;
      return false;
    }
    return !failed || has("SUCCESS_INDICATION", place + 1);
  });
}

/** Section 5.3, F3a and F3b. */
function notUnderstoodIn(
  chunk: AsconfAckChunk,
  requests: readonly AddressRequest[],
): readonly AddressRequest["kind"][] {
  return chunk.parameters.flatMap((each) => {
    if (each.type !== "ERROR_CAUSE_INDICATION") return [];
    if (!each.causes.some(({ type }) => type === "UNRECOGNIZED_PARAMETERS")) return [];
    const kind = requests[each.correlationId - 1]?.kind;
    if (kind === undefined) return [];
    return kind === "set-primary" ? [kind] : (["add", "delete"] as const);
  });
}

function settleRequest(core: AssociationCore, { kind, address }: AddressRequest, accepted: boolean): void {
  const { localAddresses } = core.state.agreement;
  if (kind === "add" && accepted) {
    core.change({ kind: "localAddressesChanged", addresses: [...localAddresses, address] });
    if (!isLeaving(core, address)) core.useSources([...core.sources, address]);
  } else if (kind === "delete" && accepted) {
    const rest = localAddresses.filter((each) => each !== address);
    core.change({ kind: "localAddressesChanged", addresses: rest });
    for (const [each, untilMs] of core.leftUntilMs) if (untilMs <= core.nowMs) core.leftUntilMs.delete(each);
    core.leftUntilMs.set(address, core.nowMs + 2 * core.primaryPath.rto.rtoMs);
  } else if (kind === "delete" && !isLeaving(core, address)) core.useSources([...core.sources, address]);
  core.notify({ type: "local-address-change", address, change: kind, accepted });
}
