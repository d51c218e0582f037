import type { Application } from "../application/index.ts";
import type { Configure } from "../control/index.ts";
import { ActiveInstance, Member, OutsideInstance } from "../replica/index.ts";
import { Endpoint } from "../sctp/index.ts";
import { hostRandom } from "./random.ts";
import { cookieKey, isFollowed, isOutside, parametersOf, replicationOf } from "./setting.ts";

type MakeApplication = () => Application;

/**
 * The one computer outside: nothing of it is replicated, and nothing waits. It has an endpoint on each of as many ports
 * as it is to have associations.
 */
export function newOutsideComputer(setting: Configure, makeApplication: MakeApplication): OutsideInstance {
  const { sctpPort, associations = 1 } = setting;
  const others = Array.from({ length: associations - 1 }, (_, index) => sctpPort + index + 1);
  return new OutsideInstance([sctpPort, ...others], (localPort) => {
    const endpoint = newEndpoint(setting, localPort);
    return new ActiveInstance({ endpoint, makeApplication, epoch: 1, mayLeave: () => true });
  });
}

/** A member of a cluster; throws one sentence where parts of its setting contradict each other. */
export function newMember(setting: Configure, makeApplication: MakeApplication, nowMs: number): Member {
  const { cluster, fencing = "prefer-availability", keeper, ownAddress, localAddresses } = setting;
  const { policy, placement } = replicationOf(setting.replication);
  const isStored = placement === "store";
  if (keeper === undefined && isStored) throw new Error("the shared placement needs a store: none is named");
  if (keeper === undefined && fencing === "witness")
    throw new Error("fencing by a witness needs a keeper: none is named");
  const options = {
    startsAs: setting.role === "primary" ? "primary" : "secondary",
    partnerAddresses: localAddresses.filter((address) => address !== ownAddress),
    makeEndpoint: () => newEndpoint(setting),
    makeApplication,
    // With a keeper it is the keeper who decides.
    fencing: fencing === "witness" ? "prefer-availability" : fencing,
    policy,
    keeper: keeper === undefined ? undefined : isStored ? "store" : "witness",
    beatIntervalMs: cluster?.beatIntervalMs ?? 1000,
    leaseMs: cluster?.leaseMs ?? 1000,
    takeoverAfterMs: cluster?.takeoverAfterMs ?? 2000,
  } as const;
  return new Member(options, nowMs);
}

function newEndpoint(setting: Configure, localPort: number = setting.sctpPort): Endpoint {
  const { localAddresses, ownAddress } = setting;
  const parameters = parametersOf(setting);
  const outside = isOutside(setting);
  const describesUpdates = isFollowed(setting);
  // Its application owes an echo for each message: where it owes many, the window closes, and none is left out.
  const user = { listening: !outside, holdsDeliveries: outside };
  const config = { localPort, localAddresses, ownAddress, parameters, describesUpdates, ...user };
  return new Endpoint({ ...config, cookieKey: cookieKey(setting) }, hostRandom);
}
