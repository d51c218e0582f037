import type { Path } from "../path/path.ts";
import { createPath, pathForNewData } from "../path/path.ts";
import type { AssociationCore } from "./core.ts";
import { sendHeartbeat } from "./heartbeat.ts";
import { peerLacksForwardTsn } from "./partial-reliability.ts";

/** The peer has another address from now on: it is probed at once, and gets nothing else before (RFC 5061 section 5.3, F14). */
export function addPath(core: AssociationCore, address: string, nowMs: number): void {
  core.change({
    kind: "peerAddressesChanged",
    addresses: [...core.state.agreement.peerAddresses, address],
  });
  const path = createPath(address, false, core.parameters);
  core.paths.set(address, path);
  core.allPaths = [...core.paths.values()];
  core.notify({ type: "peer-address-change", address, state: "added" });
  sendHeartbeat(core, path, nowMs);
}

/** An address is no longer one of the peer: nothing goes there any more (F13), and what is on the way is sent elsewhere. */
export function removePath(core: AssociationCore, address: string): void {
  const path = core.paths.get(address);
  if (path === undefined) return;
  const others = core.allPaths.filter((each) => each !== path);
  const [first] = others;
  if (first === undefined) return;
  if (core.state.primaryAddress === address) {
    const successor = pathForNewData(others, others.find((each) => each.confirmed) ?? first);
    core.change({ kind: "primaryChanged", address: successor.address });
  }
  core.change({
    kind: "peerAddressesChanged",
    addresses: core.state.agreement.peerAddresses.filter((each) => each !== address),
  });
  core.paths.delete(address);
  core.allPaths = [...core.paths.values()];
  // Its T3 may run for nothing but a FORWARD TSN (RFC 3758 section 3.5, C4).
  if (peerLacksForwardTsn(core)) core.forwardTsnDue = true;
  for (const timer of [path.t3Timer, path.heartbeatTimer, path.mtuTimer]) core.deadlines.clear(timer);
  forget(core, address);
  resend(core, path);
  core.notify({ type: "peer-address-change", address, state: "removed" });
}

function forget(core: AssociationCore, address: string): void {
  if (core.shutdownPath === address) core.shutdownPath = core.primaryPath.address;
  if (core.wantedPrimary === address) core.wantedPrimary = undefined;
  for (const [place, pending] of core.control.entries()) {
    if (pending.route.remote === address)
      core.control[place] = { ...pending, route: core.routeTo(core.primaryPath) };
  }
}

function resend(core: AssociationCore, path: Path): void {
  for (let place = 0; place < core.flight.size; place++) {
    const transmission = core.flight.at(place)!;
    if (transmission.path !== path) continue;
    if (transmission.inFlight) core.flight.markForRetransmission(transmission, "t3");
    transmission.path = undefined;
  }
  core.ensureBurst();
}
